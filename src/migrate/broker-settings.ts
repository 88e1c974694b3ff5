// Directives of the broker as a whole → keys under `broker:`, `store:` and `log:`.
import type { Conf } from './conf.ts'
import type { Line } from './conf-file.ts'
import type { Plain, Setting } from './draft.ts'
import type { Findings } from './findings.ts'
import { flag, integer, path, within } from './values.ts'

const PACKET_BYTES_MIN = 1000
const PACKET_BYTES_MAX = 268_435_455
const QUEUED_MAX = 1_000_000_000
const QUEUED_BYTES_MIN = 64_000
const QUEUED_BYTES_MAX = 100e12
/** message_size_limit is of the payload alone. */
const TOPIC_BYTES_MAX = 65_535
const INT_MAX = 0x7fff_ffff

export function brokerSettings(conf: Conf, findings: Findings): Setting[] {
  const list: Setting[] = []
  const add = (path: string, value: Plain | null, line: Line | null): void => {
    if (value !== null && line !== null) list.push({ path, value, line })
  }
  const take = (...names: string[]): Line | null => conf.settings.take(...names)
  /** 0 is Mosquitto's word for no limit, where there always is one. */
  const limit = (line: Line | null, from: number, to: number, max: number): number | null => {
    const value = integer(line, 0, to, findings)
    return within(value === 0 ? Infinity : value, from, max, line, findings)
  }

  conf.settings.takeAll('per_listener_settings')
  packetSize(conf, findings, add)

  const inflight = take('max_inflight_messages')
  add('broker.receiveMaximum', limit(inflight, 1, 65_535, 65_535), inflight)

  const keepAlive = take('max_keepalive')
  add('broker.maxKeepAlive', withUnit(integer(keepAlive, 1, 65_535, findings), 's'), keepAlive)

  const queued = take('max_queued_messages')
  const queuedBytes = take('max_queued_bytes')
  add('broker.sessionQueue.maxMessages', limit(queued, 1, INT_MAX, QUEUED_MAX), queued)
  add('broker.sessionQueue.maxSize', withUnit(limit(queuedBytes, QUEUED_BYTES_MIN, INT_MAX, QUEUED_BYTES_MAX), 'B'), queuedBytes)
  add('broker.sessionQueue.whenFull', 'drop-newest', queued ?? queuedBytes) // what Mosquitto does

  const expiry = take('persistent_client_expiration')
  add('broker.maxSessionExpiry', expiry === null ? null : expiration(expiry, findings), expiry)

  const retain = take('retain_available')
  if (flag(retain, findings) === false) {
    add('broker.retained.maxMessages', 0, retain)
    findings.changed(retain!, 'nothing is kept as retained: MQTT 5 clients that send with RETAIN at QoS 1 or 2 are told, the messages of others are delivered all the same')
  }

  const interval = take('sys_interval')
  add('broker.sysInterval', withUnit(integer(interval, 0, 65_535, findings), 's'), interval)

  const persistence = take('persistence', 'retained_persistence')
  if (flag(persistence, findings) === false) findings.leftOut(persistence!, 'what is acknowledged is always kept on the card')
  const location = take('persistence_location')
  const folder = path(location, findings)
  add('store.path', folder, location)
  if (location !== null && folder !== null) findings.changed(location, 'the store begins there with nothing: what Mosquitto has saved in its mosquitto.db is not taken over')

  const types = conf.settings.takeAll('log_type')
  add('log.level', types.length === 0 ? null : logLevel(types, findings), types[0] ?? null)
  return list
}

function packetSize(conf: Conf, findings: Findings, add: (path: string, value: Plain | null, line: Line | null) => void): void {
  const ofPacket = conf.settings.take('max_packet_size')
  const ofPayload = conf.settings.take('message_size_limit')
  const packetBytes = within(integer(ofPacket, 20, PACKET_BYTES_MAX, findings), PACKET_BYTES_MIN, PACKET_BYTES_MAX, ofPacket, findings)
  const payloadBytes = integer(ofPayload, 0, PACKET_BYTES_MAX, findings)
  const withTopic = within(payloadBytes === 0 ? Infinity : payloadBytes, 0, PACKET_BYTES_MAX - TOPIC_BYTES_MAX, ofPayload, findings)
  if (ofPayload !== null && payloadBytes !== null) findings.changed(ofPayload, 'the limit is of the whole packet, and one that is larger closes its connection')
  const bytes = Math.min(packetBytes ?? Infinity, withTopic === null ? Infinity : withTopic + TOPIC_BYTES_MAX)
  if (bytes !== Infinity) add('broker.maxPacketSize', withUnit(bytes, 'B'), bytes === packetBytes ? ofPacket : ofPayload)
}

function expiration(line: Line, findings: Findings): string | null {
  const parts = /^(\d{1,6})([hdwmy])$/.exec(line.words[0] ?? '')
  const days: Readonly<Record<string, number>> = { d: 1, w: 7, m: 30, y: 365 }
  if (parts === null || Number(parts[1]) === 0) {
    findings.leftOut(line, 'the value must be a number with h, d, w, m or y, for example 14d')
    return null
  }
  const n = Number(parts[1])
  return parts[2] === 'h' ? `${n}h` : `${n * days[parts[2]!]!}d`
}

function logLevel(lines: readonly Line[], findings: Findings): Plain | null {
  const levels: Readonly<Record<string, number>> = { debug: 0, all: 0, information: 1, notice: 1, subscribe: 0, unsubscribe: 0, websockets: 0, internal: 0, warning: 2, error: 3, none: 3 }
  const names = ['debug', 'info', 'warn', 'error']
  let least: number | null = null
  for (const line of lines) {
    const level = levels[line.words[0] ?? '']
    if (level === undefined) findings.leftOut(line, 'Mosquitto knows no such type of messages')
    else if (least === null || level < least) least = level
    if (line.words[0] === 'none') findings.changed(line, 'errors are always logged')
  }
  return least === null ? null : names[least]!
}

function withUnit(n: number | null, unit: 's' | 'B'): string | null {
  return n === null ? null : `${n}${unit}`
}
