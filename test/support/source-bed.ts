// What a source is given, with what it did written down: for tests of sources without a gateway.
import type { Clock } from '../../src/clock.ts'
import type { Message } from '../../src/message.ts'
import type { Fields, SourceDeps, Units } from '../../src/sensors/sensor.ts'
import { SensorRecord, type SensorStatus } from '../../src/sensors/state.ts'

export class SourceBed {
  readonly deps: SourceDeps
  readonly record: SensorRecord
  readonly taken: { readonly fields: Fields; readonly atMs: number; readonly units: Units }[] = []
  readonly passed: string[] = []
  readonly statuses: SensorStatus[] = []
  readonly log: string[] = []
  readonly gpsTimes: { readonly utcMs: number; readonly atMs: number }[] = []
  readonly replies: Message[] = []
  readonly subscriptions = new Map<string, (message: Message) => void>()
  readonly numbers = new Map<string, number>()

  constructor(clock: Clock, name = 'bed') {
    this.record = new SensorRecord(name, clock.now(), ({ status }) => {
      if (status !== this.statuses.at(-1)) this.statuses.push(status)
    })
    this.deps = {
      name,
      clock,
      record: this.record,
      random: () => 0,
      log: { debug: () => {}, info: (_fields, text) => void this.log.push(`info ${text}`), warn: (_fields, text) => void this.log.push(`warn ${text}`) },
      numbers: { get: (key) => this.numbers.get(key), set: (key, value) => void this.numbers.set(key, value) },
      take: (fields, atMs, units = {}) => void this.taken.push({ fields, atMs, units }),
      pass: (payload) => void this.passed.push(payload.toString()),
      gpsTime: (utcMs, atMs) => void this.gpsTimes.push({ utcMs, atMs }),
      reply: (message) => void this.replies.push(message),
      subscribe: (topic, take) => void this.subscriptions.set(topic, take),
    }
  }

  /** What was taken last, as a plain object; undefined when nothing was. */
  get last(): Fields | undefined {
    const fields = this.taken.at(-1)?.fields
    return fields === undefined ? undefined : { ...fields }
  }
}
