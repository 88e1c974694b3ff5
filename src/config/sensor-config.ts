// The shape of a checked configuration, what the gateway reads itself: config.ts is the door.
interface SensorCommon {
  readonly name: string
  readonly tenant: string
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
}

export interface SimulateSensorConfig extends SensorCommon {
  readonly kind: 'simulate'
  readonly simulate: {
    readonly kind: 'sine' | 'ramp' | 'random-walk' | 'constant' | 'counter'
    readonly everyMs: number
    readonly min: number
    readonly max: number
    readonly periodMs: number
  }
}

export interface SerialSensorConfig extends SensorCommon {
  readonly kind: 'serial'
  readonly serial: {
    readonly path: string
    readonly baud: number
    readonly dataBits: 5 | 6 | 7 | 8
    readonly parity: 'none' | 'even' | 'odd'
    readonly stopBits: 1 | 2
  }
  readonly frame: { readonly kind: 'line' } | { readonly kind: 'delimiter'; readonly delimiter: Buffer }
  /** A longer frame is garbage: counted and skipped. */
  readonly frameBytesMax: number
  readonly decode:
    | { readonly kind: 'json' }
    | { readonly kind: 'csv'; readonly columns: readonly string[]; readonly separator: string }
    | { readonly kind: 'regex'; readonly pattern: RegExp }
    | { readonly kind: 'raw' }
}

export type SensorConfig = SimulateSensorConfig | SerialSensorConfig
