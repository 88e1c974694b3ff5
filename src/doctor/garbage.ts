// Does a device speak as the configuration thinks? A wrong speed, parity or frame makes garbage of what it sends, and the gateway counts it.
import type { Config } from '../config/config.ts'
import type { SkipReason } from '../sensors/state.ts'
import { fault, type Finding, ok, unknown, warning } from './finding.ts'
import type { ViewedSensor } from './gateway-view.ts'
import type { Patient } from './patient.ts'

/** Bytes that are not what was sent. */
const GARBLED: readonly SkipReason[] = ['too-long', 'cut', 'bad-escape', 'wrong-checksum', 'not-utf8', 'not-nmea']
/** What is whole, and not what the decoder was told of. */
const MISREAD: readonly SkipReason[] = ['not-json', 'wrong-columns', 'no-match', 'wrong-length']
/** Fewer may be the piece of a frame that every start begins with. */
const COUNT_MIN = 5
const FAULT_SHARE = 0.5
const WARNING_SHARE = 0.05

export function checkGarbage({ config, gateway }: Patient): Finding[] {
  const lines = config?.sensors.flatMap((sensor) => portOf(config, sensor) ?? []) ?? []
  if (lines.length === 0) return []
  if (gateway === null) return [unknown('baud', 'garbage of serial sensors is counted while the gateway runs', 'sandpiper sensors try \'serial: { … }\' reads one by itself')]
  return lines.flatMap((line) => {
    const sensor = gateway.sensors.find(({ name }) => name === line.sensor)
    return sensor === undefined ? [] : [garbageFinding(line, sensor)]
  })
}

export interface SpokenLine {
  readonly sensor: string
  readonly path: string
  readonly baud: number
  readonly parity: string
}

function portOf({ buses }: Config, sensor: Config['sensors'][number]): SpokenLine | null {
  const line = sensor.kind === 'nmea' ? sensor.nmea.line : sensor.kind === 'modbus' ? buses.find(({ name }) => name === sensor.modbus.bus)?.modbus.line : null
  const port = sensor.kind === 'serial' ? sensor.serial : line?.kind === 'serial' ? line.serial : null
  return port === null ? null : { sensor: sensor.name, path: port.path, baud: port.baud, parity: port.parity }
}

export function garbageFinding({ sensor, path, baud, parity }: SpokenLine, { readings, skipped }: Pick<ViewedSensor, 'readings' | 'skipped'>): Finding {
  const name = `baud/${sensor}`
  const silent = skipped['no-answer'] ?? 0
  const garbled = sum(skipped, GARBLED)
  const misread = sum(skipped, MISREAD)
  const setting = `${path} at ${baud} baud, parity ${parity}`
  if (silent >= COUNT_MIN && readings === 0) return fault(name, `${sensor}: ${silent} requests on ${setting}, and no answer at all`, 'check the power of the device, `baud` and `parity`, its address, and whether A and B are swapped')
  const all = readings + garbled + misread
  const counts = Object.entries(skipped).filter(([reason]) => [...GARBLED, ...MISREAD].includes(reason as SkipReason)).map(([reason, count]) => `${count} ${reason}`).join(', ')
  if (garbled + misread < COUNT_MIN || garbled + misread < all * WARNING_SHARE) return ok(name, `${sensor}: ${readings} readings of ${setting}${counts === '' ? '' : `, skipped ${counts}`}`)
  const hint = garbled >= misread
    ? 'set `baud` (and `parity`, `stopBits`) to what the device’s papers say; common are 4800, 9600, 19200, 115200; when it is right: a loose wire, a missing ground, a line without its terminator'
    : 'the bytes are whole, and something else than `decode` expects: look at what comes with sandpiper sensors try, and correct `frame` and `decode`'
  const what = `${sensor}: ${garbled + misread} of ${all} frames of ${setting} are garbage (${counts})`
  return garbled + misread >= all * FAULT_SHARE ? fault(name, what, hint) : warning(name, what, hint)
}

function sum(skipped: Readonly<Record<string, number>>, reasons: readonly SkipReason[]): number {
  return reasons.reduce((total, reason) => total + (skipped[reason] ?? 0), 0)
}
