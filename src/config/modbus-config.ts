// The shape of a checked configuration, Modbus: config.ts is the door.
import type { NumberType, SensorCommon, SerialPortConfig } from './sensor-config.ts'

/** What several sensors share: a Modbus line, or a connection to a Modbus server. */
export interface BusConfig {
  readonly name: string
  readonly modbus: ModbusBusConfig
}

export interface ModbusBusConfig {
  readonly line: { readonly kind: 'serial'; readonly serial: SerialPortConfig } | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** How long an answer is waited for, from the end of the request. */
  readonly timeoutMs: number
  /** How often a request without an answer goes out again before its slave is called silent. */
  readonly retries: number
}

export interface ModbusSensorConfig extends SensorCommon {
  readonly kind: 'modbus'
  readonly modbus: {
    /** A name of `buses`. */
    readonly bus: string
    readonly slave: number
    readonly pollMs: number
    readonly reads: readonly ModbusReadConfig[]
    readonly writes: readonly ModbusWriteConfig[]
    /** So many registers that nobody asked for are read to save a request. */
    readonly gapMax: number
    readonly registersMax: number
    /** What no request may touch. */
    readonly avoid: readonly ModbusRange[]
  }
}

export type ModbusTable = 'coil' | 'discrete' | 'input' | 'holding'

export interface ModbusRange {
  readonly table: ModbusTable
  readonly from: number
  readonly to: number
}

/** How a value stands in registers: its first word has the high bits (big) or the low ones; each word likewise its bytes. */
export interface ModbusWords {
  readonly words: 'big' | 'little'
  readonly bytes: 'big' | 'little'
}

export interface ModbusReadConfig extends ModbusWords {
  readonly name: string
  readonly table: ModbusTable
  /** From 0, as it goes over the wire. */
  readonly address: number
  /** Registers or bits. */
  readonly count: number
  /** bit: of a coil or a discrete input. */
  readonly type: NumberType | 'string' | 'bit'
  /** Some bits of an unsigned register, 0 the lowest; one alone is true or false. */
  readonly bits: { readonly from: number; readonly to: number } | null
}

export interface ModbusWriteConfig extends ModbusWords {
  readonly topic: string
  readonly table: 'coil' | 'holding'
  readonly address: number
  readonly type: NumberType | 'bit'
  /** Always function 15 or 16: for devices that know no 5 and 6. */
  readonly multiple: boolean
}
