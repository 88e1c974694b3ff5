// Sends cases to a gateway in this process, and judges each answer: as the API's description has it, a problem document where it is refused, soon, and
// nothing done that was refused.
import { Ajv2020 } from 'ajv/dist/2020.js'
import { PROBLEM_SCHEMA } from '../../src/api/problem.ts'
import { type Answer, ApiBed } from '../support/api-bed.ts'
import { type ApiCase, makeCase, type Operation, operationsOf } from './api-cases.ts'

const SITE = `
sensors: [{ name: tank, topic: site/tank, simulate: { kind: counter, every: 60s } }]
uplinks: [{ name: cloud, url: "mqtt://127.0.0.1:1", routes: [{ out: "up/#" }], links: [{ name: lte, connect: { when: { queued: 100000 } } }] }]
http: { listeners: [{ port: 0 }], anonymous: admin, maxRequestsPerMinute: 1000000 }
`
const ANSWER_MS_MAX = 3000
/** It looks for remote brokers meanwhile; so long says its description. */
const SUPPORT_MS_MAX = 10_000
/** What any path may be answered with when it, its method or its header is another one. */
const ALWAYS = [400, 401, 403, 404, 405, 413, 415, 431]

export interface ApiReport {
  readonly faults: readonly string[]
  /** How many answers had which status. */
  readonly statuses: Readonly<Record<number, number>>
  readonly slowestMs: number
}

export interface ApiCampaign {
  readonly seed: number
  readonly first: number
  readonly count: number
  readonly print: (line: string) => void
}

export async function apiCampaign({ seed, first, count, print }: ApiCampaign): Promise<ApiReport> {
  await using bed = await ApiBed.start(SITE)
  const operations = operationsOf((await bed.ask('GET /openapi.json')).json)
  const judge = new Judge()
  const published: string[] = []
  bed.gateway.gateway.subscribe('', ['#'], ({ topic }) => void (topic.name !== 'site/tank' && published.push(topic.name)), null)
  const statuses: Record<number, number> = {}
  const faults: string[] = []
  let slowestMs = 0
  for (let number = first; number < first + count; number++) {
    const it = makeCase(operations, seed, number)
    const began = performance.now()
    published.length = 0
    const answer = await ask(bed, it)
    const ms = performance.now() - began
    slowestMs = Math.max(slowestMs, ms)
    statuses[answer?.status ?? 0] = (statuses[answer?.status ?? 0] ?? 0) + 1
    const fault = answer === null ? (it.isRight ? 'no answer' : null) : (judge.fault(it, answer) ?? (answer.status >= 400 && published.length > 0 ? `refused, and yet published to ${published.join(', ')}` : ms > msMaxOf(it) ? `answered after ${Math.round(ms)} ms` : null))
    if (fault === null) continue
    faults.push(`case ${number}: ${it.method} ${it.path} ${it.body?.slice(0, 300) ?? ''} ${JSON.stringify(it.headers)}: ${fault}`)
    print(faults.at(-1)!)
    if (faults.length >= 20) break
  }
  const alive = await bed.ask('GET ./readyz')
  if (alive.status !== 200) faults.push(`afterwards the gateway is not ready: ${alive.text}`)
  const told = bed.log.find(({ level }) => level === 'error')
  if (told !== undefined) faults.push(`an error in the log: ${JSON.stringify(told)}`)
  return { faults, statuses, slowestMs }
}

/** null: the connection ended without an answer. Listeners are left when they have been let in. */
async function ask(bed: ApiBed, it: ApiCase): Promise<Answer | null> {
  const { method, path, headers, body } = it
  const asked = bed.ask(`${method} .${path}`, { headers, ...(body === null ? {} : { rawBody: body }), untilEvents: true, msMax: msMaxOf(it) })
  return bed.gateway.passUntil(asked.catch(() => null), 0.1)
}

function msMaxOf({ path }: ApiCase): number {
  return /\/support\b/.test(path) ? SUPPORT_MS_MAX : ANSWER_MS_MAX
}

class Judge {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false })
  readonly #isProblem = this.#ajv.compile(PROBLEM_SCHEMA)
  readonly #answers = new Map<object, ReturnType<Ajv2020['compile']>>()

  /** null when there is none. */
  fault({ operation, method, isRight }: ApiCase, { status, headers, text, json }: Answer): string | null {
    const type = String(headers['content-type'] ?? '')
    if (status >= 500 && status !== 503) return `${status}: ${text}`
    if (method === 'HEAD') return text === '' ? null : 'a body for HEAD'
    if (status >= 400) {
      if (type !== 'application/problem+json') return `${status} as ${type}`
      if (!this.#isProblem(json)) return `no problem document: ${text}`
      if ((json as { status: number }).status !== status) return `another status in it: ${text}`
      const isExpected = operation.responses[status] !== undefined || (!isRight && ALWAYS.includes(status))
      return isExpected ? null : `${status} is not described: ${text}`
    }
    if (method !== operation.method) return null
    const response = operation.responses[status]
    if (response === undefined) return `${status} is not described: ${text}`
    return this.#answerFault(response, type, text, json)
  }

  #answerFault(response: Operation['responses'][string], type: string, text: string, json: unknown): string | null {
    if (response.content === undefined) return text === '' ? null : `a body where none is described: ${text}`
    const [media] = type.split(';')
    const described = Object.entries(response.content).find(([one]) => one.split(';')[0] === media)
    if (described === undefined) return `as ${type}`
    if (media !== 'application/json') return null
    const { schema } = described[1]
    let validate = this.#answers.get(schema)
    if (validate === undefined) this.#answers.set(schema, (validate = this.#ajv.compile(schema)))
    return validate(json) ? null : `not as described: ${JSON.stringify(validate.errors)} in ${text.slice(0, 500)}`
  }
}
