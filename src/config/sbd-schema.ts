// gateway.yaml, `sbd:` of a link: an Iridium modem for short messages at a serial port.
import type { SbdConfig } from './config.ts'
import { choice, duration, integer, size, text } from './scalar.ts'
import { defaulted, object, required, type Schema } from './schema.ts'

const DAY_MS = 86_400_000
/** Rates of +IPR in the ISU AT Command Reference. */
const RATES = [600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200] as const
/** The network wants three minutes between two registrations, and every check is one. */
const CHECK_MS_MIN = 180_000

export const sbd: Schema<SbdConfig> = object({
  port: required(
    'Device file of the modem’s serial port. /dev/serial/by-id/… stays the same when adapters are plugged in another order.',
    text({ expected: 'a device file such as /dev/ttyUSB0', pattern: /^\/./, hint: 'write the whole path, for example /dev/ttyUSB0' }),
  ),
  baud: defaulted('Bits per second. Modems are delivered with 19200 (AT+IPR).', 19_200, choice(RATES)),
  flowControl: defaulted('rts-cts where all wires of the port are connected, else none.', 'none', choice(['none', 'rts-cts'])),
  maxBytes: defaulted('Largest message up: 340B for the 9602 and 9603, 1960B for the 9522.', '340B', size(50, 1960)),
  minSignal: defaulted('Bars of signal, 0 to 5, before a session is begun: with too few most fail, and cost power and time. 0: not asked.', 2, integer(0, 5)),
  check: defaulted(
    'The mailbox is looked into this often when nothing else is to be sent, and once at the start. Costs a credit each time. never: when the modem rings, and with every message up.',
    'never',
    duration(CHECK_MS_MIN, 30 * DAY_MS, { never: Infinity }),
  ),
}).into((s) => ({ path: s.port, baud: s.baud, hardwareFlow: s.flowControl === 'rts-cts', bytesMax: s.maxBytes, signalMin: s.minSignal, checkMs: s.check }))
