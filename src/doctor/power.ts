// Is the supply strong enough? What the firmware of a Raspberry Pi, its voltage monitor and the kernel's messages say of it.
import { throttledFlags, voltageAlarm } from '../board/own-board.ts'
import { fault, type Finding, ok, unknown, warning } from './finding.ts'
import { kernelLog } from './kernel-log.ts'
import type { Patient } from './patient.ts'

export interface PowerFacts {
  /** get_throttled: bits 0 to 3 now, 16 to 19 since power-on; null where there is none. */
  readonly flags: number | null
  /** Of the voltage monitor: too low now; null where there is none. */
  readonly isLow: boolean | null
  /** Under-voltage in the kernel's messages. */
  readonly messages: number
}

const LOW_NOW = 1 << 0
const THROTTLED_NOW = 1 << 2
const LOW_SINCE = 1 << 16
const BETTER = 'use the supply that is made for the board (5.1 V, 3 A or more) and a short, thick cable; give USB devices that draw much a hub with a supply of its own'

export function checkPower({ root }: Patient): Finding[] {
  const messages = (kernelLog(root) ?? []).filter((text) => /under-?voltage detected/i.test(text)).length
  return [powerFinding({ flags: throttledFlags(root), isLow: voltageAlarm(root), messages })]
}

export function powerFinding({ flags, isLow, messages }: PowerFacts): Finding {
  const bits = flags ?? 0
  if (isLow === true || (bits & LOW_NOW) !== 0) return fault('power', 'the voltage is too low now: cards are damaged by that, and the board may stop at any moment', BETTER)
  if ((bits & LOW_SINCE) !== 0 || messages > 0) return warning('power', `the voltage has been too low since the machine was started${messages > 0 ? `, ${messages} time${messages === 1 ? '' : 's'}` : ''}`, BETTER)
  if ((bits & THROTTLED_NOW) !== 0) return warning('power', 'the processor is slowed down, because it is too hot', 'give it air or a heat sink')
  if (flags === null && isLow === null) return unknown('power', 'this board does not tell how it is supplied')
  return ok('power', 'the voltage has been good since the machine was started')
}
