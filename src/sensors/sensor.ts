// The side door into the router: what every sensor is, whatever it reads.
//
//   wire ─► serial-port ─► frame ─► decode ─┐
//             │ lost, opened again  │ too-long   │ undecodable: counted, logged, never published
//   clock ─► simulate ──────────────────────┴─► SensorSink.publish ─► router
//
// Rules: a sensor never throws at its caller and never keeps the gateway from starting or running; what it cannot read
// is counted with a reason, and what keeps it from reading stands in its state in words for the operator.
import type { SensorConfig } from '../config/config.ts'
import type { Clock } from '../clock.ts'
import type { Message } from '../message.ts'
import { serialPorts } from '../serial-port.ts'
import { SerialSensor } from './serial.ts'
import { SimulatedSensor } from './simulate.ts'
import type { SensorState } from './state.ts'

export interface Sensor {
  /** Begins to read. A second call, or one after stop, does nothing. */
  start(): void
  /** Resolves when nothing is left open and nothing more will be published. Never rejects; may be called again. */
  stop(): Promise<void>
  readonly state: SensorState
}

export interface SensorSink {
  /** Takes the message over. Never throws, never blocks. */
  publish(message: Message): void
}

/** The part of a pino logger that sensors use. */
export interface SensorLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
}

export interface SensorDeps {
  readonly sink: SensorSink
  readonly clock: Clock
  readonly log: SensorLog
  /** Called when a sensor's status or lastError has changed, with a copy that stays as it is. Must not throw. */
  readonly stateChanged: (state: SensorState) => void
}

/** The sensor of one entry under `sensors:`; nothing happens before start(). The serial driver is loaded by the first port that opens. */
export function makeSensor(config: SensorConfig, deps: SensorDeps): Sensor {
  switch (config.kind) {
    case 'simulate':
      return new SimulatedSensor(config, deps)
    case 'serial':
      return new SerialSensor(config, deps, serialPorts, Math.random)
  }
}
