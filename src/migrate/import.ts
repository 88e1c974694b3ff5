// mosquitto.conf → gateway.yaml, and a report of what is not the same.
//
//   lines ─► sections (conf.ts) ─► draft (listeners, bridges, settings) ─► checked as `sandpiper check` would, until nothing is refused ─► text
//
// Always true: the text that comes out passes the check, because what the schema refuses is written as a comment with the schema's own words;
// every line of the input that is not honoured is in the report; no password is in either.
import { checkText, type Problem } from '../config/load.ts'
import { readConf, Refusal, type Line } from './conf-file.ts'
import { brokerSettings } from './broker-settings.ts'
import { uplinksOf } from './bridges.ts'
import { parseConf, type Conf } from './conf.ts'
import { directiveOf, whyNot } from './directives.ts'
import { addReason, written, type Draft, type Item, type UplinkItem } from './draft.ts'
import { Findings, place, sentenceOf, type Finding } from './findings.ts'
import { listenersOf } from './listeners.ts'
import { render } from './render.ts'

/** The checks that reveal nothing new after so many rounds will not come to an end. */
const ROUNDS_MAX = 20

export interface ImportOptions {
  /** Where the text is to be written; its relative paths start there. */
  readonly outFile: string
  /** Of this machine: the site is called so, and a bridge without a client identifier of its own has it in there. */
  readonly hostName: string
  /** Passwords go to files beside the text; otherwise they are left to the person. */
  readonly writesPasswords: boolean
  /** Before each check of the whole; on a small board with many users one takes seconds. */
  readonly onCheck?: ((round: number) => void) | undefined
}

export interface Imported {
  readonly text: string
  /** Files beside the text, by name, with what is to be in them. */
  readonly passwords: ReadonlyMap<string, string>
  /** Files of users and rules that the text names. */
  readonly accessFiles: readonly string[]
  readonly findings: readonly Finding[]
  /** One line for each of the findings and for each listener and uplink that is not there, and a last one for all. */
  readonly report: readonly string[]
}

/** Reads and translates a configuration. Throws Refusal when nothing can be made of it. */
export function importConf(path: string, options: ImportOptions): Imported {
  const findings = new Findings()
  const conf = parseConf(readConf(path), findings)
  const draft: Draft = {
    site: siteOf(options.hostName),
    ...listenersOf(conf, findings),
    uplinks: uplinksOf(conf, options.hostName, findings),
    settings: brokerSettings(conf, findings),
  }
  reportTheRest(conf, findings)
  if (!options.writesPasswords) {
    for (const { password } of draft.uplinks) if (password !== null) findings.leftOut(password.line, 'a password is not printed: with --out it goes to a file of its own')
  }
  const passwords = new Map<string, string>()
  const passwordFile = (name: string): string | null => (options.writesPasswords ? `${name}.password` : null)
  const text = settle(draft, path, () => render(draft, { from: path, findings: findings.list, passwordFile }), options, findings)
  for (const uplink of written(draft.uplinks)) {
    const name = passwordFile(String(uplink.value['name']))
    if (uplink.password !== null && name !== null) passwords.set(name, `${uplink.password.text}\n`)
  }
  const accessFiles = written(draft.access).flatMap(({ value }) => Object.values(value).map(String))
  return { text, passwords, accessFiles, findings: findings.list, report: reportOf(draft, findings.list) }
}

function siteOf(hostName: string): string {
  return hostName.replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 64) || 'gateway'
}

/** Whatever nobody has dealt with is not honoured, and is told. */
function reportTheRest(conf: Conf, findings: Findings): void {
  const sections = [conf.defaultListener, ...conf.listeners, ...conf.bridges]
  for (const settings of [conf.settings, conf.security, ...sections.flatMap((s) => [s.settings, s.security])]) {
    for (const line of settings.untaken) {
      const why = whyNot(line)
      if (why !== null) findings.leftOut(line, why)
      else if (directiveOf(line.name)?.fate.kind === 'becomes') findings.leftOut(line, `there is nothing here that ${line.name} could be for`)
    }
  }
}

// ---- until the check has nothing to say

function settle(draft: Draft, from: string, makeText: () => string, options: ImportOptions, findings: Findings): string {
  const refusal = (why: string): Refusal => new Refusal(`${from} cannot be made into a configuration: ${why}`)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const text = makeText()
    options.onCheck?.(round)
    // Missing certificates are warnings here; so are the passwords that are still to be written. The files of `access` have been read.
    const result = checkText(text, options.outFile, { secrets: 'optional', env: {} })
    const problems = 'problems' in result ? result.problems : result.warnings.filter(({ path }) => !path.endsWith('.password.file') && !path.startsWith('access.'))
    if (problems.length === 0) return text
    const items = { listeners: written(draft.listeners), uplinks: written(draft.uplinks).map((uplink) => ({ uplink, routes: written(uplink.routes) })) }
    const helps = problems.map((problem) => leaveOut(draft, items, problem, findings))
    if (!helps.includes(true)) throw refusal(`${problems[0]!.message}; ${problems[0]!.hint}`)
  }
  throw refusal('what the check refuses has no end; import it in parts')
}

/** What is in the text that was checked: paths of problems count only that. */
interface Items {
  readonly listeners: readonly Item[]
  readonly uplinks: readonly { readonly uplink: UplinkItem; readonly routes: readonly Item[] }[]
}

/** Takes what a problem is about out of the draft. False when that is nothing that could be taken out. */
function leaveOut(draft: Draft, { listeners, uplinks }: Items, { path, message }: Problem, findings: Findings): boolean {
  const parts = /^(broker\.listeners|uplinks)\[(\d+)\](?:\.routes\[(\d+)\])?/.exec(path)
  if (parts?.[1] === 'broker.listeners') return refuse(listeners[Number(parts[2])], message)
  if (parts?.[1] === 'uplinks') {
    const { uplink, routes } = uplinks[Number(parts[2])]!
    if (parts[3] === undefined) return refuse(uplink, message)
    const route = routes[Number(parts[3])]
    const line = route?.line ?? null
    if (line !== null) findings.leftOut(line, message)
    refuse(route, message)
    return written(uplink.routes).length > 0 || refuse(uplink, 'none of its topics can be carried')
  }
  const setting = draft.settings.find((s) => s.path === path || path.startsWith(`${s.path}.`))
  if (setting === undefined) return false
  draft.settings = draft.settings.filter((s) => s !== setting)
  findings.leftOut(setting.line, message)
  return true
}

function refuse(item: Item | undefined, message: string): boolean {
  if (item === undefined) return false
  addReason(item.reasons, message)
  return true
}

// ---- the report

function reportOf(draft: Draft, findings: readonly Finding[]): string[] {
  const gone = (items: readonly Item[], what: string): string[] =>
    items.filter((item) => item.reasons.length > 0).map((item) => `${whereOf(item.line)}${what} is left out, as a comment: ${item.reasons.join('; ')}`)
  const listeners = gone(draft.listeners, 'this listener')
  const uplinks = gone(draft.uplinks, 'this bridge')
  return [...findings.map(sentenceOf), ...listeners, ...uplinks, ...(written(draft.listeners).length === 0 ? ['No listener is left: nobody can connect until you have looked at them.'] : []), summary(draft, findings)]
}

function whereOf(line: Line | null): string {
  return line === null ? 'default listener: ' : `${place(line)}  `
}

function summary(draft: Draft, findings: readonly Finding[]): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  const of = (items: readonly (Item | UplinkItem)[], what: string): string => `${written(items).length} of ${count(items.length, what)}`
  const left = findings.filter((finding) => finding.kind === 'left out').length
  return `Imported ${of(draft.listeners, 'listener')} and ${of(draft.uplinks, 'bridge')}; ${count(left, 'line')} left out, ${findings.length - left} changed.`
}
