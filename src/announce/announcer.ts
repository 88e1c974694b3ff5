// The port of those who tell other systems what sensors there are: Home Assistant, Sparkplug hosts. They hear of readings and states, and publish
// into the tenant of the sensor; neither knows the router.
import type { Clock } from '../clock.ts'
import type { OutputConfig, SensorConfig } from '../config/config.ts'
import type { Message } from '../message.ts'
import type { Reading } from '../sensors/reading/reading.ts'
import type { SensorStatus } from '../sensors/state.ts'
import type { Stamp } from '../timekeeper.ts'

export interface Announcer {
  start(): void
  /** A sensor has published this. Must not throw. */
  onReading(sensor: SensorConfig, reading: Reading): void
  onStatus(sensor: SensorConfig, status: SensorStatus): void
  /** Says good-bye where that is usual. */
  stop(): void
}

export interface AnnouncerDeps {
  readonly clock: Clock
  readonly site: string
  readonly version: string
  readonly sensors: readonly SensorConfig[]
  readonly outputs: readonly OutputConfig[]
  readonly time: { stamp(atMs: number): Stamp }
  readonly numbers: { get(key: string): number | undefined; set(key: string, value: number): void }
  readonly log: { warn(fields: object, text: string): void }
  publish(tenant: string, message: Message): void
  subscribe(tenant: string, filter: string, take: (message: Message) => void): void
  /** Messages that are kept for this filter now. */
  retained(tenant: string, filter: string): Iterable<Message>
}
