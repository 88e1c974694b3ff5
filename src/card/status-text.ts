// STATUS.txt: for a person with the card in a laptop, who knows nothing else of this gateway. Pure: facts in, text out.
//
// What is always true: no line is wider than WIDTH, line ends are those of Windows, which every editor shows; no secret stands in it; mistakes are told
// in the words of `sandpiper check`.
import { reportProblems } from '../config/report.ts'
import type { StatusUplink } from '../ops/status.ts'
import type { CardFacts, NetworkDevice } from './facts.ts'
import { ledWords } from './led.ts'
import { ledOf, verdictOf } from './verdict.ts'

export const WIDTH = 80
const LABEL = 14
const PROBLEMS_SHOWN = 10
const ALARMS_SHOWN = 10

export function statusText(facts: CardFacts): string {
  const parts = [head(facts), configuration(facts), alarms(facts), broker(facts), uplinks(facts), sensors(facts), network(facts), machine(facts)]
  const lines = parts.filter((part) => part.length > 0).flatMap((part) => [...part, '']).flatMap((line) => wrap(plain(line)))
  return lines.map((line) => `${line}\r\n`).join('')
}

function head({ wallMs, isTimeSynced, uptimeSec, status, hostname, version, slot, imageVersion, isTrial }: CardFacts): string[] {
  const system = [`sandpiper ${version}`, ...(imageVersion === null ? [] : [`image ${imageVersion}`]), ...(slot === null ? [] : [`system ${slot}`]), ...(isTrial ? ['being tried after an update'] : [])]
  return [
    'STATUS OF THIS GATEWAY (the gateway writes this file; edit gateway.yaml instead)',
    '',
    row('Name', `${status?.site ?? 'unknown'}, in the network ${hostname}`),
    row('Written', `${date(wallMs)}${isTimeSynced ? '' : ', but the clock has not been set since the start: it is later than that'}`),
    row('Running for', age(uptimeSec)),
    row('Program', system.join(', ')),
  ]
}

function configuration(facts: CardFacts): string[] {
  const { applied, text } = facts
  const { file, runs, trouble } = verdictOf(facts)
  const instead = runs === 'default' ? 'There is no earlier one: a plain local broker runs.' : 'The gateway runs on the last one that was right.'
  const failures = (applied?.failures ?? []).map((failure) => row('Not done', failure))
  switch (file) {
    case 'not-read':
      return ['GATEWAY.YAML has not been read since the start.']
    case 'accepted': {
      const warnings = (applied?.warnings ?? []).map((w) => `  line ${w.line}, column ${w.column}: ${w.message}: ${w.hint}`)
      return ['GATEWAY.YAML is right, and in use.', ...(warnings.length > 0 ? ['Worth a look:', ...warnings] : []), ...failures]
    }
    case 'does-not-start':
      return [`GATEWAY.YAML is right, but the gateway cannot start with it. ${instead}`, row('Why', trouble ?? 'see the log'), ...failures]
    case 'mistake':
      return [`GATEWAY.YAML HAS A MISTAKE. ${instead}`, '', ...reportProblems(applied!.problems.slice(0, PROBLEMS_SHOWN), { fileName: 'gateway.yaml', text, width: WIDTH - 12 }).split('\n'), ...failures]
  }
}

function alarms({ status }: CardFacts): string[] {
  const all = status?.alarms ?? [] // a gateway of an earlier release tells of none
  if (all.length === 0) return []
  const shown = all.slice(0, ALARMS_SHOWN).flatMap(({ message, hint }) => [row('Alarm', message), row('', hint)])
  return [`ALARMS: ${all.length}.`, ...shown, ...(all.length > ALARMS_SHOWN ? [row('', `and ${all.length - ALARMS_SHOWN} more`)] : [])]
}

function broker({ status, answer }: CardFacts): string[] {
  if (status === null) return ['BROKER: does not run.']
  const { listeners, clients } = status.broker
  const places = listeners.map((l) => ('socket' in l ? l.socket : `port ${l.port} ${whereOf(l.host)}${l.tls ? ' (TLS)' : ''}`))
  const says = answer === null ? 'has no listener' : answer.why === null ? `answers at ${answer.where}` : `DOES NOT ANSWER at ${answer.where}: ${answer.why}`
  return [
    `BROKER: ${says}. ${clients === 1 ? '1 client' : `${clients} clients`} connected.`,
    ...places.map((place) => row('Listens', place)),
    ...(status.store.trouble === null ? [] : [row('Store', status.store.trouble)]),
    ...(status.lastError === null ? [] : [row('Last error', status.lastError)]),
  ]
}

function whereOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'of every address below'
  return host === '127.0.0.1' || host === '::1' ? 'for programs on the gateway itself' : `of ${host}`
}

function uplinks({ status, wallMs }: CardFacts): string[] {
  return (status?.uplinks ?? []).flatMap((uplink) => uplinkLines(uplink, wallMs))
}

function uplinkLines({ name, connected, everConnected, link, queued, lastError, sinceMs }: StatusUplink, wallMs: number): string[] {
  const since = age(Math.max(0, (wallMs - sinceMs) / 1000))
  const state = connected ? `connected${link === null ? '' : ` over ${link}`} for ${since}` : everConnected ? `NOT CONNECTED for ${since}` : 'NOT CONNECTED since the start of the gateway'
  return [
    `UPLINK ${name}: ${state}.`,
    row('Waiting', `${queued.messages} messages, ${size(queued.bytes)}`),
    ...(lastError === null ? [] : [row('Last error', lastError)]),
  ]
}

function sensors({ status }: CardFacts): string[] {
  const all = status?.sensors ?? []
  const troubled = all.filter(({ state }) => state !== 'ok' && state !== 'starting')
  if (all.length === 0) return []
  if (troubled.length === 0) return [`SENSORS: none of ${all.length} in trouble.`]
  return [`SENSORS: ${troubled.length} of ${all.length} in trouble.`, ...troubled.map(({ name, state, reason }) => row(name, `${state}${reason === null ? '' : `: ${reason}`}`))]
}

function network({ devices }: CardFacts): string[] {
  if (devices.length === 0) return ['NETWORK: no interface has an address.']
  return ['NETWORK', ...devices.map((device) => row(device.device, deviceWords(device)))]
}

function deviceWords({ type, state, connection, addresses }: NetworkDevice): string {
  const where = connection === null ? '' : ` (${connection})`
  return addresses.length > 0 ? `${addresses.join(', ')}${where}` : `${type}, ${state}${where}: no address`
}

function machine(facts: CardFacts): string[] {
  const { data, sshFingerprint, hasLed } = facts
  return [
    'MACHINE',
    row('Data', data.trouble ?? `${size(data.freeBytes)} of ${size(data.totalBytes)} free`),
    ...(hasLed ? [row('Light', ledWords(ledOf(facts)))] : []),
    ...(sshFingerprint === null ? [] : [row('SSH key', sshFingerprint)]),
  ]
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(LABEL - 3)} ${text}`
}

function date(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function age(sec: number): string {
  const minutes = Math.floor(sec / 60)
  const parts = [[Math.floor(minutes / 1440), 'day'], [Math.floor(minutes / 60) % 24, 'hour'], [minutes % 60, 'minute']] as const
  const said = parts.filter(([n]) => n > 0).slice(0, 2).map(([n, unit]) => `${n} ${unit}${n === 1 ? '' : 's'}`)
  return said.length === 0 ? 'less than a minute' : said.join(' ')
}

function size(bytes: number): string {
  const units = [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']] as const
  const [factor, unit] = units.find(([f]) => bytes >= f) ?? [1, 'bytes']
  const value = bytes / factor
  return `${value < 10 && factor > 1 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** Signs that an old editor would not show; what is of another script stays as it is. */
const SIGNS: Readonly<Record<string, string>> = { '…': '...', '•': '*', '’': "'", '‘': "'", '“': '"', '”': '"', '–': '-', '—': '-', '─': '-', '►': '>' }

function plain(line: string): string {
  return line.replaceAll(/[…•’‘“”–—─►]/g, (sign) => SIGNS[sign]!).replaceAll(/\p{C}/gu, ' ')
}

/** A line in pieces of WIDTH at most, the following ones under the text of the first. */
export function wrap(line: string): string[] {
  if (line.length <= WIDTH) return [line.trimEnd()]
  const labelled = new RegExp(`^ {2}\\S.{${LABEL - 4}} (?=\\S)`).exec(line)
  const indent = ' '.repeat(labelled !== null ? LABEL : (/^ */.exec(line)![0].length + 2))
  const pieces: string[] = []
  let rest = line
  while (rest.length > WIDTH) {
    const at = rest.lastIndexOf(' ', WIDTH)
    const cut = at > indent.length ? at : WIDTH
    pieces.push(rest.slice(0, cut).trimEnd())
    rest = indent + rest.slice(cut).trimStart()
  }
  return [...pieces, rest.trimEnd()]
}
