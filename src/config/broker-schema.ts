// gateway.yaml, `broker:`, `store:` and `log:`. The descriptions are the reference documentation.
// Defaults suit 512 MB of memory and an SD card.
import { resolve } from 'node:path'
import type { BrokerConfig, QueueConfig, StoreConfig } from './config.ts'
import { limitFields, limitsOf } from './limits-schema.ts'
import type { AskedListener } from './listener-access.ts'
import { listeners } from './listener-schema.ts'
import { choice, duration, integer, size, text } from './scalar.ts'
import { defaulted, type Field, object, required, type Schema, wordOr } from './schema.ts'

const DAY_MS = 86_400_000
const KB = 1000
const MB = 1_000_000
const TB = 1_000_000_000_000
/** Session Expiry Interval of a session that never ends (MQTT 5.0 section 3.1.2.11.2). */
const NEVER_SEC = 0xffff_ffff

/** A queue of messages that wait for a destination, on flash. */
export function queue(whose: string, bytes: string): Schema<QueueConfig> {
  return object(queueFields(whose, bytes)).into((q) => queueOf(q) as QueueConfig)
}

export function queueFields(whose: string, bytes: string) {
  return {
    maxSize: defaulted(`Bytes that may wait for ${whose}, on the card.`, bytes, size(64 * KB, 100 * TB)),
    maxMessages: defaulted(`Messages that may wait for ${whose}.`, 10_000_000, integer(1, 1_000_000_000)),
    maxAge: defaulted('Older messages are dropped and counted.', '30d', duration(1000, 3650 * DAY_MS)),
    whenFull: defaulted(
      'What makes room. drop-oldest: newest data matters most; drop-newest: keep the beginning, refuse the rest; keep-latest: only the last message of each topic stays; `{ thin: 10 }`: of the older half every 10th message of each topic stays.',
      'drop-oldest',
      wordOr(choice(['drop-oldest', 'drop-newest', 'keep-latest']), object({ thin: required('Every so-many-th message of a topic stays.', integer(2, 1000)) })),
    ),
  }
}

type QueueValues = { readonly [K in keyof ReturnType<typeof queueFields>]: ReturnType<typeof queueFields>[K] extends Field<infer T> ? T | null : never }

/** Under the names of the configuration, without those that are null. */
export function queueOf(q: QueueValues): Partial<QueueConfig> {
  const all = { bytesMax: q.maxSize, countMax: q.maxMessages, ageMsMax: q.maxAge, whenFull: q.whenFull }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
}

const retained = object({
  maxMessages: defaulted('Retained messages kept, one per topic. Another one is refused.', 10_000, integer(0, 10_000_000)),
  maxSize: defaulted('Bytes of retained messages, in memory and on the card.', '32MB', size(0, TB)),
})

/** Who may come by a listener is decided when the whole file has been read. */
type AskedBroker = Omit<BrokerConfig, 'listeners'> & { readonly listeners: readonly AskedListener[] }

export const broker: Schema<AskedBroker> = object({
  listeners: defaulted('Where MQTT clients connect.', [{ port: 1883 }], listeners),
  ...limitFields,
  retained: defaulted('Bounds of the retained messages.', {}, retained),
  maxSessionExpiry: defaulted('A disconnected session is kept as long as its client asks for, this at most.', '30d', duration(0, (NEVER_SEC - 1) * 1000, { never: NEVER_SEC * 1000 })),
  maxSessions: defaulted('Sessions kept, connected or not. One more is refused with Quota exceeded.', 10_000, integer(1, 10_000_000)),
  sessionQueue: defaulted('Messages that wait for one disconnected client.', {}, queue('one client', '256MB')),
  sysInterval: defaulted('How often $SYS topics are published. 0s: never.', '10s', duration(0, DAY_MS)),
}).into((b) => ({
  listeners: b.listeners,
  ...limitsOf(b),
  retainedMessagesMax: b.retained.maxMessages,
  retainedBytesMax: b.retained.maxSize,
  // Whole seconds on the wire; a started second counts.
  sessionExpirySecMax: Math.ceil(b.maxSessionExpiry / 1000),
  sessionsMax: b.maxSessions,
  sessionQueue: b.sessionQueue,
  sysIntervalMs: b.sysInterval,
}))

export const storePath = text({ expected: 'a folder' }).into((path, place) => resolve(place.run.storeFolder, path))

export const store: Schema<StoreConfig> = object({
  path: defaulted('Folder of the database. A relative path starts at the folder of this file.', './data', storePath),
  commitWindow: defaulted('How long messages that nobody has acknowledged yet are collected for one write to the card. Longer: less wear (100 messages/s: 2.0 kB written per message at 20ms, 0.9 kB at 60ms), and QoS 1 acknowledgements wait up to that long.', '60ms', duration(0, 10_000)),
  dailyWrites: defaulted('Bytes that the store may write to the card in a day, right to a tenth (on ext4 mounted without `lazytime` 0.2 GB more). What is beyond that, spread evenly, waits up to 2 s longer to share a write: at 10 messages/s of QoS 1 that nobody takes, 1GB instead of 5GB.', 'unlimited', size(10 * MB, 100 * TB, { unlimited: Infinity })),
  maxSize: defaulted('Bytes of the whole store. When it is full, new messages that must be kept are refused and counted.', '2GB', size(16 * MB, 100 * TB)),
}).into((s) => ({ path: s.path, commitWindowMs: s.commitWindow, dailyBytesMax: s.dailyWrites, bytesMax: s.maxSize }))

export const log = object({
  level: defaulted('The least important lines that are written.', 'info', choice(['trace', 'debug', 'info', 'warn', 'error'])),
})
