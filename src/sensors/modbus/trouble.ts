// What keeps a slave's values away, for the person beside it. Pure.
import type { Block } from './blocks.ts'
import type { Outcome } from './slave.ts'

/** MODBUS Application Protocol V1.1b3 section 7. */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'illegal function: the device cannot do this with such registers',
  2: 'illegal data address: the device has no such register',
  3: 'illegal data value: the device does not take this value, or this many',
  4: 'device failure',
  5: 'acknowledge: the device needs longer for it',
  6: 'device busy',
  8: 'memory parity error in the device',
}

const TABLES = { coil: 'coil', discrete: 'discrete input', input: 'input register', holding: 'holding register' } as const

export function exceptionWords(code: number): string {
  return EXCEPTIONS[code] ?? `exception ${code}`
}

export function explainOutcome(outcome: Exclude<Outcome, { bytes: Buffer }>, slave: number, bus: string, block: Pick<Block, 'table' | 'address' | 'count'>, isSerial: boolean): string {
  if ('failed' in outcome) return explainFailure(outcome.failed, slave, bus, isSerial)
  if (outcome.code === null) return `what slave ${slave} on the bus "${bus}" answered does not belong to what it was asked`
  return `slave ${slave} on the bus "${bus}" refuses ${rangeWords(block)} (${exceptionWords(outcome.code)}): correct the address, counted from 0`
}

function explainFailure(failed: 'silent' | 'garbled' | 'unsent' | 'gone' | 'full', slave: number, bus: string, isSerial: boolean): string {
  switch (failed) {
    case 'silent':
    case 'unsent':
      return `slave ${slave} on the bus "${bus}" does not answer: check its number and power${isSerial ? ', the wires (A and B may be exchanged), baud and parity' : ''}`
    case 'garbled':
      return `what slave ${slave} on the bus "${bus}" answers is garbled: check baud, parity and stop bits, the termination, and that no other slave has its number`
    case 'gone':
      return `the bus "${bus}" is not connected`
    case 'full':
      return `too much waits for slave ${slave} on the bus "${bus}": read less often`
  }
}

/** `holding register 52`, `coils 10 to 17`. */
function rangeWords({ table, address, count }: Pick<Block, 'table' | 'address' | 'count'>): string {
  return count === 1 ? `${TABLES[table]} ${address}` : `${TABLES[table]}s ${address} to ${address + count - 1}`
}
