// Commands that ask the gateway that runs here: tables for people, the API's own answers as JSON for programs (`--json`).
import { systemClock } from '../clock.ts'
import { OperatorError } from '../errors.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { ProgressTerminal } from './progress.ts'
import { bytesText, durationText, table } from './table.ts'

export interface AskWords {
  readonly json?: boolean | undefined
  readonly tenant?: string | undefined
  readonly qos?: string | undefined
  readonly retain?: boolean | undefined
  readonly for?: string | undefined
  readonly follow?: boolean | undefined
  readonly level?: string | undefined
  readonly drop?: string | undefined
  readonly clear?: string | undefined
  readonly limit?: string | undefined
}

export interface AskTerminal {
  write(text: string): void
  readonly progress: ProgressTerminal
  /** Resolves when the person wants to stop. */
  readonly ended: Promise<unknown>
}

interface Asked {
  readonly gateway: GatewayClient
  readonly args: readonly string[]
  readonly words: AskWords
  readonly terminal: AskTerminal
}

interface Status {
  readonly site: string
  readonly version: string
  readonly uptimeSec: number
  readonly timeSynced: boolean
  readonly config: { readonly source: string; readonly whole: boolean; readonly trouble: string | null }
  readonly broker: { readonly clients: number; readonly sessions: number; readonly queued: number; readonly retained: number }
  readonly store: { readonly bytes: number; readonly bytesMax: number; readonly trouble: string | null }
  readonly uplinks: readonly { readonly name: string; readonly connected: boolean; readonly link: string | null; readonly since: string; readonly queued: number; readonly lastError: string | null }[]
  readonly sensors: readonly { readonly name: string; readonly state: string; readonly reason: string | null }[]
  readonly alarms: readonly { readonly severity: string; readonly message: string; readonly hint: string }[]
  readonly lastError: string | null
}

interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

const COMMANDS: Readonly<Record<string, (asked: Asked) => Promise<number>>> = { status, alarms, clients, retained, uplink, pub, sub, logs, queue, sensors }

/** Exit code. Rejects with OperatorError. */
export function ask(command: string, asked: Asked): Promise<number> {
  return COMMANDS[command]!(asked)
}

async function status({ gateway, words, terminal }: Asked): Promise<number> {
  const all = (await gateway.ask('GET /status')) as Status
  if (words.json === true) return print(terminal, all)
  const { site, version, uptimeSec, timeSynced, config, broker, store, uplinks, sensors, alarms: active, lastError } = all
  const troubles = [config.trouble, config.source === 'file' ? null : config.source === 'trial' ? 'a configuration is on trial: sandpiper config confirm keeps it' : `it runs on the ${config.source === 'default' ? 'safe default' : 'last good configuration'}`, config.whole ? null : 'a change of the configuration waits for a restart', store.trouble, timeSynced ? null : 'the clock is not synchronised', lastError]
  terminal.write(`${site}: sandpiper ${version}, up ${durationText(uptimeSec)}\n`)
  terminal.write(`${broker.clients} clients, ${broker.sessions} sessions, ${broker.queued} messages wait for clients, ${broker.retained} retained\n`)
  terminal.write(`store ${bytesText(store.bytes)} of ${bytesText(store.bytesMax)}\n`)
  for (const { severity, message, hint } of active) terminal.write(`! ${severity}: ${message}: ${hint}\n`)
  for (const trouble of troubles) if (trouble !== null) terminal.write(`! ${trouble}\n`)
  if (uplinks.length > 0) terminal.write(`\n${table(['uplink', 'state', 'link', 'since', 'queued', 'last error'], uplinks.map((u) => [u.name, u.connected ? 'connected' : 'not connected', u.link, u.since, u.queued, u.lastError]), '')}`)
  const ill = sensors.filter(({ state }) => state !== 'ok')
  if (sensors.length > 0) terminal.write(`\n${table(['sensor', 'state', 'reason'], ill.map((s) => [s.name, s.state, s.reason]), `${sensors.length} sensors, all well`)}`)
  return 0
}

interface Alarm {
  readonly name: string
  readonly severity: string
  readonly state: string
  readonly since: string
  readonly message: string
  readonly hint: string
}

async function alarms({ gateway, args: [order, name, ...more], words, terminal }: Asked): Promise<number> {
  if (order !== undefined) {
    if (order !== 'clear' || name === undefined || more.length > 0) throw new OperatorError('E_USAGE', 'alarms shows them; alarms clear NAME: it has been seen, and is not shown until its cause was away and comes again')
    await gateway.ask('POST /alarms/clear', { name })
    return 0
  }
  const { alarms: all } = (await gateway.ask('GET /alarms?acknowledged=true')) as { alarms: Alarm[] }
  if (words.json === true) return print(terminal, all)
  terminal.write(table(['alarm', 'severity', 'since', 'what'], all.map((a) => [a.name, a.state === 'active' ? a.severity : 'cleared', a.since, `${a.message}: ${a.hint}`]), 'no alarms'))
  return 0
}

interface Client {
  readonly clientId: string
  readonly user: string | null
  readonly address: string
  readonly version: string
  readonly connectedAt: string
  readonly subscriptions: number
  readonly inFlight: number
  readonly queued: number
}

async function clients({ gateway, args: [order, clientId, ...more], words, terminal }: Asked): Promise<number> {
  if (order !== undefined) {
    if (order !== 'kick' || clientId === undefined || more.length > 0) throw new OperatorError('E_USAGE', 'clients lists them; clients kick CLIENT-ID disconnects one')
    await gateway.ask(`DELETE /clients/${encodeURIComponent(clientId)}?tenant=${encodeURIComponent(words.tenant ?? '')}`)
    return 0
  }
  const all = await allOf<Client>(gateway, '/clients')
  if (words.json === true) return print(terminal, all)
  terminal.write(table(['client', 'user', 'address', 'mqtt', 'since', 'filters', 'in flight', 'queued'], all.map((c) => [c.clientId, c.user, c.address, c.version, c.connectedAt, c.subscriptions, c.inFlight, c.queued]), 'nobody is connected'))
  return 0
}

interface Waiting {
  readonly topic: string
  readonly qos: number
  readonly ageSec: number
  readonly payload: string
  readonly encoding: string
  readonly bytes: number
}

async function queue({ gateway, args: [kind, name, ...more], words, terminal }: Asked): Promise<number> {
  if ((kind !== 'client' && kind !== 'uplink') || name === undefined || more.length > 0) throw new OperatorError('E_USAGE', 'queue client CLIENT-ID, or queue uplink NAME; with --drop N what waits is taken away, N messages at most')
  const path = kind === 'client' ? `/sessions/${encodeURIComponent(name)}/queue?tenant=${encodeURIComponent(words.tenant ?? '')}` : `/uplinks/${encodeURIComponent(name)}/queue?`
  if (words.drop !== undefined) {
    const { lost } = (await gateway.ask(`DELETE ${path}&messages=${encodeURIComponent(words.drop)}`)) as { lost: number }
    terminal.write(`${lost} messages were taken away\n`)
    return 0
  }
  const answer = await gateway.ask(`GET ${path}&limit=${encodeURIComponent(words.limit ?? '20')}`)
  if (words.json === true) return print(terminal, answer)
  const parts = kind === 'client' ? [{ class: null, ...(answer as { queued: number; queuedBytes: number; messages: Waiting[] }) }] : (answer as { classes: { class: string; queued: number; queuedBytes: number; messages: Waiting[] }[] }).classes
  for (const part of parts) {
    terminal.write(`${part.class === null ? '' : `${part.class}: `}${part.queued} messages, ${bytesText(part.queuedBytes)}\n`)
    if (part.messages.length > 0) terminal.write(table(['topic', 'qos', 'age', 'bytes', 'payload'], part.messages.map((m) => [m.topic, m.qos, durationText(m.ageSec), m.bytes, oneLine(m)]), ''))
  }
  return 0
}

interface Retained {
  readonly topic: string
  readonly payload: string
  readonly encoding: string
  readonly bytes: number
}

async function retained({ gateway, args: [filter = '#'], words, terminal }: Asked): Promise<number> {
  const tenant = `tenant=${encodeURIComponent(words.tenant ?? '')}`
  if (words.clear !== undefined) {
    await gateway.ask(`DELETE /retained?topic=${encodeURIComponent(words.clear)}&${tenant}`)
    return 0
  }
  const all = await allOf<Retained>(gateway, `/retained?filter=${encodeURIComponent(filter)}&${tenant}`)
  if (words.json === true) return print(terminal, all)
  terminal.write(table(['topic', 'bytes', 'payload'], all.map((m) => [m.topic, m.bytes, oneLine(m)]), 'nothing is retained there'))
  return 0
}

interface Uplink {
  readonly name: string
  readonly phase: string
  readonly link: string | null
  readonly nextAttemptSec: number | null
  readonly queued: number
  readonly queuedBytes: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly lastError: string | null
  readonly order: { readonly kind: string; readonly leftSec: number } | null
}

async function uplink({ gateway, args: [name, order, ...more], words, terminal }: Asked): Promise<number> {
  if (more.length > 0) throw new OperatorError('E_USAGE', 'uplink shows all of them; uplink NAME connect, hold, pause or none says for a while when one is connected, uplink NAME drain waits until all is sent')
  const forSec = words.for === undefined ? undefined : Number(/^(\d+)s?$/.exec(words.for)?.[1] ?? NaN)
  if (order === 'drain') {
    const [{ drain }, { Progress }] = await Promise.all([import('./drain.ts'), import('./progress.ts')])
    return drain({ gateway, name: name!, forSec, terminal, progress: new Progress(name!, terminal.progress, systemClock), clock: systemClock })
  }
  const answer = order === undefined ? await gateway.ask(name === undefined ? 'GET /uplinks' : `GET /uplinks/${encodeURIComponent(name)}`) : await gateway.ask(`POST /uplinks/${encodeURIComponent(name!)}/order`, { order, ...(forSec === undefined ? {} : { forSec }) })
  if (words.json === true) return print(terminal, answer)
  const all = name === undefined ? (answer as { uplinks: Uplink[] }).uplinks : [answer as Uplink]
  terminal.write(table(['uplink', 'phase', 'link', 'next try', 'queued', 'bytes', 'sent', 'received', 'order', 'last error'], all.map((u) => [u.name, u.phase, u.link, u.nextAttemptSec === null ? null : durationText(u.nextAttemptSec), u.queued, bytesText(u.queuedBytes), bytesText(u.bytesSent), bytesText(u.bytesReceived), u.order === null ? null : `${u.order.kind}, ${durationText(u.order.leftSec)}`, u.lastError]), 'no uplink is configured'))
  return 0
}

async function pub({ gateway, args: [topic, payload = '', ...more], words, terminal }: Asked): Promise<number> {
  if (topic === undefined || more.length > 0) throw new OperatorError('E_USAGE', 'pub wants a topic and a payload: sandpiper pub lamp/set on [--qos N] [--retain]')
  const answer = (await gateway.ask('POST /publish', { topic, payload, qos: Number(words.qos ?? 1), retain: words.retain === true, tenant: words.tenant ?? '' })) as { receivers: number }
  terminal.write(words.json === true ? `${JSON.stringify(answer)}\n` : `safe, for ${answer.receivers} receivers\n`)
  return 0
}

async function sub({ gateway, args: filters, words, terminal }: Asked): Promise<number> {
  if (filters.length === 0) throw new OperatorError('E_USAGE', "sub wants topic filters: sandpiper sub 'sensors/#'")
  const query = [...filters.map((filter) => `filter=${encodeURIComponent(filter)}`), `retained=true&tenant=${encodeURIComponent(words.tenant ?? '')}`].join('&')
  const isOurs = await gateway.listen(`/subscribe?${query}`, (event, data) => {
    if (words.json === true) terminal.write(`${JSON.stringify({ event, ...(data as object) })}\n`)
    else if (event === 'message') terminal.write(`${(data as Retained).topic} ${oneLine(data as Retained)}\n`)
    else terminal.write(`… ${(data as { count: number }).count} messages were not read in time\n`)
  }, terminal.ended)
  return isOurs ? 0 : 1
}

interface Sensor {
  readonly name: string
  readonly status: string
  readonly since: string
  readonly readings: number
  readonly skipped: Readonly<Record<string, number>>
  readonly lastError: string | null
  readonly last: { readonly at: string; readonly payload: string; readonly values: readonly { readonly name: string; readonly value: unknown; readonly unit: string | null }[] | null } | null
}

interface Output {
  readonly name: string
  readonly status: string
  readonly on: boolean | null
  readonly commands: number
  readonly refused: number
  readonly lastError: string | null
}

async function sensors({ gateway, words, terminal }: Asked): Promise<number> {
  const { sensors: read } = (await gateway.ask('GET /sensors')) as { readonly sensors: readonly Sensor[] }
  const { outputs: driven } = (await gateway.ask('GET /outputs')) as { readonly outputs: readonly Output[] }
  if (words.json === true) return print(terminal, { sensors: read, outputs: driven })
  const skippedOf = ({ skipped }: Sensor): string | null => Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`).join(', ') || null
  terminal.write(table(['sensor', 'state', 'readings', 'skipped', 'last', 'value', 'trouble'], read.map((s) => [s.name, s.status, s.readings, skippedOf(s), s.last?.at ?? null, lastValue(s), s.status === 'ok' ? null : s.lastError]), 'no sensor is configured'))
  if (driven.length > 0) terminal.write(`\n${table(['output', 'state', 'is', 'commands', 'refused', 'trouble'], driven.map((o) => [o.name, o.status, o.on === null ? null : o.on ? 'on' : 'off', o.commands, o.refused, o.status === 'ok' ? null : o.lastError]), '')}`)
  return 0
}

const VALUE_CHARS_MAX = 60

/** In a cell of a table, whatever a device has sent. */
function lastValue({ last }: Sensor): string | null {
  if (last === null) return null
  const text = last.values === null ? last.payload : last.values.map(({ name, value, unit }) => `${last.values!.length === 1 && name === 'value' ? '' : `${name} `}${String(value)}${unit === null ? '' : ` ${unit}`}`).join(', ')
  return oneLine({ payload: text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX - 1)}…` : text, encoding: 'utf8' })
}

interface LogLine {
  readonly at: string
  readonly level: string
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

async function logs({ gateway, words, terminal }: Asked): Promise<number> {
  const level = `level=${encodeURIComponent(words.level ?? 'info')}`
  const show = (line: LogLine): void => terminal.write(words.json === true ? `${JSON.stringify(line)}\n` : `${line.at} ${line.level.padEnd(5)} ${line.text}${Object.keys(line.fields).length === 0 ? '' : ` ${JSON.stringify(line.fields)}`}\n`)
  const { lines } = (await gateway.ask(`GET /log?limit=${encodeURIComponent(words.limit ?? '100')}&${level}`)) as { lines: LogLine[] }
  lines.forEach(show)
  if (words.follow !== true) return 0
  return (await gateway.listen(`/log/follow?${level}`, (event, data) => void (event === 'line' && show(data as LogLine)), terminal.ended)) ? 0 : 1
}

// ---- small things

async function allOf<T>(gateway: GatewayClient, path: string): Promise<T[]> {
  const found: T[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page: Page<T> = (await gateway.ask(`GET ${path}${path.includes('?') ? '&' : '?'}limit=1000&after=${encodeURIComponent(after)}`)) as Page<T>
    found.push(...page.items)
    after = page.next
  }
  return found
}

function print(terminal: AskTerminal, answer: unknown): number {
  terminal.write(`${JSON.stringify(answer, null, 2)}\n`)
  return 0
}

/** A terminal is nothing to send control characters to. */
function oneLine({ payload, encoding }: { readonly payload: string; readonly encoding: string }): string {
  return encoding === 'utf8' ? payload.replaceAll(/\p{Cc}/gu, '·') : `(base 64) ${payload}`
}
