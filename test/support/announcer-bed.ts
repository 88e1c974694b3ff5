// What announcers publish, without a gateway; payloads of Sparkplug are read and written by the implementation of others.
import { get } from 'sparkplug-payload'
import type { AnnouncerDeps } from '../../src/announce/announcer.ts'
import { RELEASE_DATE_MS } from '../../src/clock.ts'
import type { OutputConfig, ReadingConfig, SensorConfig } from '../../src/config/config.ts'
import { makeMessage, type Message } from '../../src/message.ts'
import type { Reading } from '../../src/sensors/reading/reading.ts'
import type { Raw } from '../../src/sensors/sensor.ts'
import { FakeClock } from './fake-clock.ts'

export const plug = get('spBv1.0')!

export type PlugPayload = Parameters<typeof plug.encodePayload>[0]

export const READING: ReadingConfig = { values: null, everyMs: null, onChange: false, deadband: null, silenceMsMax: Infinity, staleMs: Infinity, payload: { kind: 'json', keys: null } }

export function sensorConfig(name: string, config: Partial<SensorConfig> = {}): SensorConfig {
  const simulate = { kind: 'sine', everyMs: 1000, min: 0, max: 1, periodMs: 1000 } as const
  return { kind: 'simulate', name, tenant: '', topic: `site/${name}`, qos: 1, retain: false, reading: READING, simulate, ...config } as SensorConfig
}

export class AnnouncerBed {
  readonly clock = new FakeClock()
  readonly published: (Message & { readonly tenant: string })[] = []
  readonly kept = new Map<string, Message>()
  readonly numbers = new Map<string, number>()
  readonly warnings: string[] = []
  readonly #subscribed = new Map<string, (message: Message) => void>()
  readonly deps: AnnouncerDeps

  constructor(sensors: readonly SensorConfig[], outputs: readonly OutputConfig[] = []) {
    this.clock.wallOffsetMs = RELEASE_DATE_MS
    this.deps = {
      clock: this.clock,
      site: 'well-07',
      version: '1.2.3',
      sensors,
      outputs,
      time: { stamp: (atMs) => ({ wallMs: this.clock.wall() - (this.clock.now() - atMs), isSynced: true, sinceBoot: null }) },
      numbers: { get: (key) => this.numbers.get(key), set: (key, value) => void this.numbers.set(key, value) },
      log: { warn: (_, text) => void this.warnings.push(text) },
      publish: (tenant, message) => {
        this.published.push(Object.assign(message, { tenant }))
        if (message.retain) this.kept.set(message.topic.name, message)
      },
      subscribe: (_, filter, take) => void this.#subscribed.set(filter, take),
      retained: () => [...this.kept.values()],
    }
  }

  /** Somebody publishes. */
  arrive(topic: string, payload: Buffer | string): void {
    const take = this.#subscribed.get(topic)
    if (take === undefined) throw new Error(`nobody is subscribed to ${topic}`)
    take(makeMessage(topic, payload))
  }

  arriveSparkplug(topic: string, payload: PlugPayload): void {
    this.arrive(topic, Buffer.from(plug.encodePayload(payload)))
  }

  /** What was published since the last time. */
  take(): Message[] {
    return this.published.splice(0)
  }

  reading(values: Readonly<Record<string, Raw>>, quality: Reading['quality'] = 'good', unit: string | null = null): Reading {
    return { values: Object.entries(values).map(([name, value]) => ({ name, value, unit, isInRange: quality !== 'out-of-range' })), quality, atMs: this.clock.now() }
  }
}
