// `sandpiper access explain`: what a client may do, and which rule says so. Words of a command line and a configuration in, a text out.
//
// What is always true: it asks the same Rules as the gateway does, and opens no file and no store.
import type { Config, RuleConfig, Verb } from '../config/config.ts'
import { OperatorError } from '../errors.ts'
import type { QoS } from '../message.ts'
import { ProtocolError } from '../mqtt/reason.ts'
import { checkTopicName, isSysTopic, parseShare, topicFilterProblem } from '../mqtt/topic.ts'
import { Rules, type Explanation, type Subject } from './rules.ts'

/** As the command line has them. */
export interface ExplainWords {
  readonly client?: string | undefined
  readonly user?: string | undefined
  readonly anonymous?: boolean | undefined
  readonly tenant?: string | undefined
  readonly role?: readonly string[] | undefined
  /** `name=value` */
  readonly claim?: readonly string[] | undefined
  readonly publish?: string | undefined
  readonly subscribe?: string | undefined
  readonly receive?: string | undefined
  readonly qos?: string | undefined
  readonly retain?: boolean | undefined
}

export interface Explained {
  readonly text: string
  readonly allowed: boolean
}

interface Question {
  readonly verb: Verb
  readonly topic: string
  /** The topic, or what a shared subscription is about. */
  readonly about: string
  readonly qos: QoS
  readonly retain: boolean
}

/** Throws OperatorError E_USAGE for words that make no question. */
export function explainAccess(config: Config, words: ExplainWords): Explained {
  const question = questionOf(words)
  const { subject, isKnown } = subjectOf(config, words)
  const explanation = new Rules(config.access.rules).explain(subject, question.verb, question.about, question)
  const isBrokers = question.verb === 'publish' && isSysTopic(question.about)
  const allowed = explanation.allowed && !isBrokers
  const lines = [
    `${allowed ? 'allowed' : 'denied'}: ${printable(sentenceOf(question))}`,
    `  client ${printable(clientText(subject))}`,
    ...(isBrokers ? ['  $SYS topics are the broker’s own: clients may read them and nothing more'] : reasons(explanation, question)),
    ...(subject.username !== null && !isKnown ? ['  this user is not in the configuration: it has the roles and the tenant given here'] : []),
    ...(subject.username !== null && config.access.tokens.length > 0 ? ['  a token may grant more than this'] : []),
    ...(question.verb === 'subscribe' && allowed && !explanation.unruled ? ['  each message is delivered as the rules for receive say: ask again with --receive TOPIC'] : []),
  ]
  return { text: `${lines.join('\n')}\n`, allowed }
}

// ---- the question

function questionOf({ publish, subscribe, receive, qos = '0', retain = false }: ExplainWords): Question {
  const asked = Object.entries({ publish, subscribe, receive }).filter((entry): entry is [Verb, string] => entry[1] !== undefined)
  const [verb, topic] = asked[0] ?? usage('access explain needs a question: --publish TOPIC, --subscribe FILTER or --receive TOPIC')
  if (asked.length > 1) usage('access explain answers one question at a time: give one of --publish, --subscribe and --receive')
  if (!/^[012]$/.test(qos)) usage(`--qos is 0, 1 or 2, not "${printable(qos)}"`)
  if (retain && verb !== 'publish') usage('--retain goes with --publish')
  return { verb, topic, about: verb === 'subscribe' ? filterIn(topic) : topicIn(topic), qos: Number(qos) as QoS, retain }
}

function topicIn(topic: string): string {
  const problem = problemOf(() => checkTopicName(topic))
  return problem === null ? topic : usage(printable(problem))
}

function filterIn(written: string): string {
  let filter = written
  const problem = problemOf(() => (filter = parseShare(written)?.filter ?? written)) ?? topicFilterProblem(filter)
  return problem === null ? filter : usage(printable(`"${written}" is not a topic filter: ${problem}`))
}

function problemOf(check: () => unknown): string | null {
  try {
    check()
    return null
  } catch (error) {
    if (error instanceof ProtocolError) return error.message
    throw error
  }
}

function usage(what: string): never {
  throw new OperatorError('E_USAGE', what)
}

// ---- the client

function subjectOf(config: Config, words: ExplainWords): { subject: Subject; isKnown: boolean } {
  if (words.client === undefined) usage('access explain needs a client identifier: --client ID')
  if (words.user !== undefined && words.anonymous === true) usage('a client has a user or is anonymous: give --user or --anonymous')
  const user = config.access.users.find(({ name }) => name === words.user)
  const subject: Subject = {
    clientId: words.client,
    username: words.user ?? null,
    tenant: words.tenant ?? user?.tenant ?? '',
    roles: [...(user?.roles ?? []), ...(words.role ?? [])],
    claims: words.claim === undefined ? null : Object.fromEntries(words.claim.map(claimIn)),
    grants: null,
  }
  if (subject.tenant !== '' && !config.tenants.some(({ name }) => name === subject.tenant)) usage(`there is no tenant "${printable(subject.tenant)}" in the configuration`)
  return { subject, isKnown: user !== undefined }
}

function claimIn(written: string): [name: string, value: string] {
  const equals = written.indexOf('=')
  return equals > 0 ? [written.slice(0, equals), written.slice(equals + 1)] : usage(`--claim is name=value, not "${printable(written)}"`)
}

// ---- the answer

function sentenceOf({ verb, topic, qos, retain }: Question): string {
  if (verb === 'receive') return `receive ${topic}`
  return `${verb} ${topic} at QoS ${qos}${retain ? ' with RETAIN' : ''}`
}

function clientText({ clientId, username, tenant, roles, claims }: Subject): string {
  return [
    JSON.stringify(clientId),
    username === null ? 'without a user' : `user ${JSON.stringify(username)}`,
    ...(tenant === '' ? [] : [`tenant ${tenant}`]),
    ...(roles.length === 0 ? [] : [`roles ${roles.join(', ')}`]),
    ...Object.entries(claims ?? {}).map(([name, value]) => `claim ${name}=${String(value)}`),
  ].join(', ')
}

function reasons({ rule, others, qos, unruled }: Explanation, question: Question): string[] {
  if (unruled) return ['  there are no rules: everybody may do everything']
  if (rule === null) return ['  no rule allows it']
  const lower = question.verb === 'subscribe' && qos < question.qos ? [`  at QoS ${qos}, the highest that is allowed`] : []
  const more = others.length === 0 ? [] : ['  other rules that are about it, and were not asked any more:', ...others.map((other) => `    ${ruleText(other)}`)]
  return [`  by ${ruleText(rule)}`, ...lower, ...more]
}

/** `gateway.yaml line 12: deny publish "config/#", qos 1 or 2, with RETAIN, for roles device` */
export function ruleText({ effect, verbs, filter, who, qos, retain, where }: RuleConfig): string {
  const conditions = [...(qos === null ? [] : [`qos ${qos.join(' or ')}`]), ...(retain === null ? [] : [retain ? 'with RETAIN' : 'without RETAIN'])]
  const people = [
    ...Object.entries({ users: who.users, roles: who.roles, 'client identifiers': who.clientIds, tenants: who.tenants }).flatMap(([what, names]) => (names === null ? [] : [`${what} ${names.join(', ')}`])),
    ...(who.anonymous === null ? [] : [who.anonymous ? 'clients without a user' : 'clients with a user']),
  ]
  return printable(`${where}: ${[`${effect} ${verbs.join(', ')} ${JSON.stringify(filter)}`, ...conditions].join(', ')}${people.length === 0 ? '' : `, for ${people.join(' and ')}`}`)
}

/** One line of a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{C}]/gu, '·')
}
