// The shape of a checked configuration, GPIO: lines that sensors read and outputs drive. config.ts is the door.
import type { LineReference } from '../board/pin-map.ts'
import type { SensorCommon } from './sensor-config.ts'

export type { LineReference }

export interface GpioLineConfig {
  readonly line: LineReference
  /** Of the kernel: auto is what serves best there. */
  readonly interface: 'auto' | 'device' | 'sysfs'
  readonly activeLow: boolean
}

export interface GpioSensorConfig extends SensorCommon {
  readonly kind: 'gpio'
  readonly gpio: GpioLineConfig & {
    /** null: as the boot files and the board have it. */
    readonly pull: 'up' | 'down' | 'none' | null
    readonly debounceMs: number
    readonly input: GpioInputConfig
  }
}

export type GpioEdge = 'rising' | 'falling' | 'both'

export type GpioInputConfig =
  | { readonly kind: 'level' }
  | { readonly kind: 'edges'; readonly edge: GpioEdge }
  /** From active to inactive; `longMs` Infinity: none is called long. */
  | { readonly kind: 'press'; readonly longMs: number }
  | {
      readonly kind: 'counter'
      readonly edge: GpioEdge
      readonly pollMs: number
      /** What a power cut may cost. */
      readonly saveMs: number
      /** Topic of commands that set the total; null for none. */
      readonly reset: string | null
    }

/** A line that is driven by commands. */
export interface OutputConfig {
  readonly name: string
  readonly tenant: string
  readonly gpio: GpioLineConfig & { readonly drive: 'push-pull' | 'open-drain' | 'open-source' }
  readonly command: string
  readonly state: string
  readonly qos: 0 | 1 | 2
  /** After the machine's start. */
  readonly start: 'on' | 'off' | 'last'
  readonly failSafe: FailSafeConfig | null
  readonly onMsMin: number
  readonly offMsMin: number
  /** What an orderly stop does. */
  readonly atStop: 'keep' | 'failSafe'
}

export interface FailSafeConfig {
  readonly on: boolean
  /** After the client that commanded last has been away for so long; Infinity for never. */
  readonly clientGoneMs: number
  /** After the uplink has been down for so long; null for never. */
  readonly uplinkGone: { readonly name: string; readonly afterMs: number } | null
}
