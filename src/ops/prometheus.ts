// The gateway's figures for Prometheus: the one importer of prom-client, loaded when somebody asks. Names and units as Prometheus wants them: base units,
// `_total` for what only grows. Each answer is made of a registry of its own, so nothing is there twice: what a figure is now is asked of whoever has it.
//
// A counter of the gateway that no line of `COUNTED` names is one of the losses, refusals or delays: sandpiper_dropped_total, sandpiper_refused_total and
// sandpiper_delayed_total with its reason, under the words that $SYS has for it.
import { Counter, Gauge, Registry } from 'prom-client'
import type { Counters } from '../counters.ts'
import { SENSOR_STATUSES, type SensorState } from '../sensors/state.ts'
import type { OutputState } from '../outputs/output.ts'
import type { UplinkState } from '../uplink/uplink.ts'
import { nameOfLoss } from './sys-values.ts'

export interface Figures {
  readonly version: string
  readonly site: string
  readonly counters: Counters
  readonly clients: number
  readonly sessions: number
  readonly subscriptions: number
  readonly inFlight: number
  readonly queued: Size
  readonly retained: Size
  readonly store: { readonly bytes: number; readonly bytesMax: number; readonly bytesWritten: number; readonly commitAgeMs: number }
  readonly isTimeSynced: boolean
  readonly uplinks: readonly UplinkState[]
  readonly sensors: readonly SensorState[]
  readonly outputs: readonly OutputState[]
  /** Those that nobody has cleared. */
  readonly alarms: readonly { readonly kind: string; readonly of: string | null }[]
  readonly process: { readonly cpuSec: number; readonly residentBytes: number; readonly heapBytes: number; readonly startSec: number; readonly openFiles: number | null }
}

interface Size {
  readonly count: number
  readonly bytes: number
}

/** Fields of Counters that have a name of their own, without `sandpiper_` and `_total`. */
const COUNTED: Readonly<Partial<Record<keyof Counters, readonly [name: string, help: string]>>> = {
  connectionsOpened: ['connections_opened', 'Connections accepted.'],
  connectionsRefused: ['connections_refused', 'Connections refused, whatever the reason.'],
  protocolErrors: ['protocol_errors', 'Clients disconnected because they broke the protocol.'],
  loginsRefused: ['logins_refused', 'Clients that could not prove who they are.'],
  keepAliveTimeouts: ['keep_alive_timeouts', 'Connections closed because their client was silent for too long.'],
  connectTimeouts: ['connect_timeouts', 'Connections closed because CONNECT did not come in time.'],
  keepAlivesShortened: ['keep_alives_shortened', 'CONNACKs that gave a shorter keep alive than was asked for.'],
  endedClientCertificates: ['client_certificates_ended', 'Clients disconnected because their certificate is not good any more.'],
  bytesReceived: ['received_bytes', 'Bytes of MQTT received from clients.'],
  bytesSent: ['sent_bytes', 'Bytes of MQTT sent to clients.'],
  packetsReceived: ['received_packets', 'Packets received from clients.'],
  otherSent: ['sent_control_packets', 'Packets sent to clients, PUBLISH not among them.'],
  connectReceived: ['connects', 'CONNECT packets received.'],
  publishReceived: ['received_messages', 'PUBLISH packets received from clients.'],
  publishSent: ['sent_messages', 'PUBLISH packets sent to clients.'],
  payloadReceived: ['received_payload_bytes', 'Payload of messages received.'],
  payloadSent: ['sent_payload_bytes', 'Payload of messages sent.'],
  sessionsExpired: ['sessions_expired', 'Sessions whose client stayed away for too long.'],
  retainedRefused: ['retained_refused', 'Retained messages that there was no room for.'],
  messagesUnpacked: ['unpacked_messages', 'Messages taken out of frames.'],
  alarmsRaised: ['alarms_raised', 'Alarms that began.'],
  historyValuesLeftOut: ['history_left_out_values', 'Values that the history had no series for.'],
  historyStepsLost: ['history_lost_steps', 'Steps of the history that could not be written.'],
  elided: ['store_elided_messages', 'Messages acknowledged by every destination before their commit: never written.'],
  committedMessages: ['store_committed_messages', 'Messages written to flash.'],
  commits: ['store_commits', 'Transactions written to flash.'],
}

/** Is a gauge. */
const NOT_COUNTED: readonly (keyof Counters)[] = ['connectionsNow']

/** The text of an answer. */
export function prometheusText(figures: Figures): Promise<string> {
  const registry = new Registry()
  const all = new Writer(registry)
  brokerFigures(all, figures)
  storeFigures(all, figures)
  for (const uplink of figures.uplinks) uplinkFigures(all, uplink)
  deviceFigures(all, figures)
  for (const { kind, of } of figures.alarms) all.gauge('sandpiper_alarm_active', '1 for each alarm that lasts, and that nobody has cleared.', 1, { kind, of: of ?? '' })
  processFigures(all, figures)
  return registry.metrics()
}

type Labels = Readonly<Record<string, string>>

/** Each metric is made with its first value: what there is none of is left out. */
class Writer {
  readonly #registry: Registry
  readonly #gauges = new Map<string, Gauge>()
  readonly #counters = new Map<string, Counter>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    let gauge = this.#gauges.get(name)
    if (gauge === undefined) this.#gauges.set(name, (gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] })))
    gauge.set(labels, value)
  }

  /** `name` with `_total`. */
  counter(name: string, help: string, value: number, labels: Labels = {}): void {
    let counter = this.#counters.get(name)
    if (counter === undefined) this.#counters.set(name, (counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] })))
    counter.inc(labels, value)
  }
}

function brokerFigures(all: Writer, { version, site, counters, clients, sessions, subscriptions, inFlight, queued, retained, isTimeSynced }: Figures): void {
  all.gauge('sandpiper_info', 'Which gateway this is; always 1.', 1, { version, site })
  all.gauge('sandpiper_time_synced', '1 when the clock is known to be right.', Number(isTimeSynced))
  all.gauge('sandpiper_connections', 'Connections open now.', counters.connectionsNow)
  all.gauge('sandpiper_clients', 'Clients connected now.', clients)
  all.gauge('sandpiper_sessions', 'Sessions kept, connected or not.', sessions)
  all.gauge('sandpiper_subscriptions', 'Topic filters of all sessions.', subscriptions)
  all.gauge('sandpiper_inflight_messages', 'Messages sent to clients and not acknowledged.', inFlight)
  all.gauge('sandpiper_queued_messages', 'Messages that wait for clients.', queued.count)
  all.gauge('sandpiper_queued_bytes', 'Bytes that wait for clients.', queued.bytes)
  all.gauge('sandpiper_retained_messages', 'Retained messages.', retained.count)
  all.gauge('sandpiper_retained_bytes', 'Bytes of retained messages.', retained.bytes)
  for (const field of Object.keys(counters) as (keyof Counters)[]) {
    if (NOT_COUNTED.includes(field)) continue
    const named = COUNTED[field]
    if (named !== undefined) {
      all.counter(`sandpiper_${named[0]}_total`, named[1], counters[field])
      continue
    }
    const [, kind = '', reason = ''] = /^broker\/(dropped|refused|delayed)\/(.+)$/.exec(nameOfLoss(field) ?? '') ?? []
    all.counter(`sandpiper_${kind}_total`, LOSSES[kind]!, counters[field], { reason })
  }
}

const LOSSES: Readonly<Record<string, string>> = {
  dropped: 'Messages that did not reach somebody who was to have them, by reason.',
  refused: 'What was refused, by reason.',
  delayed: 'What had to wait because of a limit, by reason.',
}

function storeFigures(all: Writer, { store }: Figures): void {
  all.gauge('sandpiper_store_bytes', 'What the store takes on the card.', store.bytes)
  all.gauge('sandpiper_store_limit_bytes', 'store.maxSize.', store.bytesMax)
  all.counter('sandpiper_store_written_bytes_total', 'Bytes written to the card: what wears it out.', store.bytesWritten)
  all.gauge('sandpiper_store_commit_age_seconds', 'How long the commit that is under way has been; 0 when there is none.', store.commitAgeMs / 1000)
}

function uplinkFigures(all: Writer, state: UplinkState): void {
  const of = { uplink: state.name }
  all.gauge('sandpiper_uplink_up', '1 while the uplink is connected.', Number(state.phase === 'up'), of)
  all.gauge('sandpiper_uplink_queued_messages', 'Messages that wait for the uplink.', state.queued, of)
  all.gauge('sandpiper_uplink_queued_bytes', 'Bytes that wait for the uplink.', state.queuedBytes, of)
  for (const [name, waiting] of Object.entries(state.waiting)) all.gauge('sandpiper_uplink_waiting_messages', 'Messages that wait for the uplink, by class.', waiting, { ...of, class: name })
  all.gauge('sandpiper_uplink_inflight_messages', 'Messages sent over the uplink and not acknowledged.', state.inFlight, of)
  all.counter('sandpiper_uplink_acknowledged_messages_total', 'Messages that the remote has acknowledged.', state.acknowledged, of)
  all.counter('sandpiper_uplink_rejected_messages_total', 'Messages that the remote did not want.', state.rejected, of)
  all.counter('sandpiper_uplink_sent_bytes_total', 'Bytes sent over the uplink.', state.bytesSent, of)
  all.counter('sandpiper_uplink_received_bytes_total', 'Bytes received over the uplink.', state.bytesReceived, of)
  for (const budget of state.budgets) {
    for (const period of ['day', 'month'] as const) {
      const { bytes, limitBytes, forecastBytes } = budget[period]
      const labels = { ...of, link: budget.link, period }
      all.gauge('sandpiper_link_spent_bytes', 'Bytes that the link has cost in this period.', bytes, labels)
      if (limitBytes !== null) all.gauge('sandpiper_link_budget_bytes', 'Bytes that the link may cost in a period.', limitBytes, labels)
      if (forecastBytes !== null) all.gauge('sandpiper_link_forecast_bytes', 'Bytes that the link will have cost at the end of the period when it goes on like this.', forecastBytes, labels)
    }
  }
  for (const link of state.links) all.gauge('sandpiper_link_failures', 'Attempts and probes in a row that failed.', link.failures, { ...of, link: link.name })
  for (const { imei, signal, credits, sessionsFailed } of state.modems) {
    const labels = { ...of, imei }
    all.gauge('sandpiper_modem_signal_bars', 'Signal of the satellite modem, 0 to 5.', signal, labels)
    all.counter('sandpiper_modem_credits_total', 'Credits that the modem has cost since the start.', credits, labels)
    all.counter('sandpiper_modem_failed_sessions_total', 'Sessions of the modem that failed.', sessionsFailed, labels)
  }
}

function deviceFigures(all: Writer, { sensors, outputs }: Figures): void {
  for (const { name, status, readings, skipped, troubles } of sensors) {
    const of = { sensor: name }
    for (const one of SENSOR_STATUSES) all.gauge('sandpiper_sensor_status', '1 for what the sensor is, 0 for the others.', Number(one === status), { ...of, status: one })
    all.counter('sandpiper_sensor_readings_total', 'Messages of the sensor.', readings, of)
    all.counter('sandpiper_sensor_troubles_total', 'How often it has become degraded or gone.', troubles, of)
    for (const [reason, count] of Object.entries(skipped)) if (count > 0) all.counter('sandpiper_sensor_skipped_total', 'What was not published, by reason.', count, { ...of, reason })
  }
  for (const { name, on, commands, refused, madeSafe } of outputs) {
    const of = { output: name }
    if (on !== null) all.gauge('sandpiper_output_on', '1 while the line is on.', Number(on), of)
    all.counter('sandpiper_output_commands_total', 'Commands for the line.', commands, of)
    all.counter('sandpiper_output_refused_total', 'Commands that were not carried out.', refused, of)
    all.counter('sandpiper_output_made_safe_total', 'Times that the line was made safe.', madeSafe, of)
  }
}

function processFigures(all: Writer, { process }: Figures): void {
  all.counter('process_cpu_seconds_total', 'Processor time of the process.', process.cpuSec)
  all.gauge('process_resident_memory_bytes', 'Resident memory.', process.residentBytes)
  all.gauge('process_start_time_seconds', 'When the process was started, since 1970 by the clock of now.', process.startSec)
  if (process.openFiles !== null) all.gauge('process_open_fds', 'Open file descriptors.', process.openFiles)
  all.gauge('nodejs_heap_size_used_bytes', 'Used heap of JavaScript.', process.heapBytes)
}
