// gateway.yaml, `time:`: who tells the machine the time.
import { isIP } from 'node:net'
import type { TimeConfig } from './machine-config.ts'
import type { SensorConfig } from './sensor-config.ts'
import { clip, type Place } from './place.ts'
import { choice, duration, identifier, text } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema, wordOr } from './schema.ts'

const SERVERS_MAX = 16
/** Groups of servers behind one name, of which several are asked. */
const POOL = /(^|\.)pool\.ntp\.org$/

const server = text({ expected: 'the name or address of an NTP server' }).into((name, place) => {
  if (isIP(name) === 0 && !/^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name)) {
    return place.problem(`${place.name} "${clip(name)}" is no host name or IP address`, 'write for example pool.ntp.org or 192.168.1.1')
  }
  return { host: name, isPool: POOL.test(name) }
})

const gpsSensor = identifier('the name of a sensor')
const gps = wordOr(
  gpsSensor.into((sensor) => ({ sensor, delay: 0 })),
  object({
    sensor: required('Name of the sensor, one with `nmea`.', gpsSensor),
    delay: defaulted('By how much its sentences come late: at 9600 baud about 200ms. Compare with a server once (`chronyc sources`).', '0ms', duration(0, 2000)),
  }),
)

export const time: Schema<TimeConfig> = object({
  servers: defaulted('NTP servers. [] for none, where every byte counts: about 15 kB a day and server.', ['2.debian.pool.ntp.org'], list(server).into((all, place) => {
    return all.length <= SERVERS_MAX ? all : place.problem(`${place.name} has ${all.length} servers`, `${SERVERS_MAX} at most`)
  })),
  gps: optional('The sensor whose satellites tell the time: its name, one with `nmea`.', gps),
  step: defaulted('When a wrong clock is set at once. start: by the first answers after a start, later it is led there slowly; always: whenever it is wrong by more than a second; never.', 'start', choice(['start', 'always', 'never'])),
}).into((t): TimeConfig => ({ servers: t.servers, gpsSensor: t.gps?.sensor ?? null, gpsDelaySec: (t.gps?.delay ?? 0) / 1000, step: t.step }))

/** `place` is that of the whole file. The sensors as they have to be for the clock; undefined after a problem was reported. */
export function sensorsForClock(sensors: readonly SensorConfig[], { gpsSensor: name }: TimeConfig, place: Place): readonly SensorConfig[] | undefined {
  if (name === null) return sensors
  const named = sensors.find((sensor) => sensor.name === name)
  if (named?.kind === 'nmea') return sensors.map((sensor) => (sensor === named ? { ...named, nmea: { ...named.nmea, setsClock: true } } : sensor))
  const at = place.key('time').key('gps')
  const value = at.has('sensor') ? at.key('sensor') : at
  const others = sensors.filter((sensor) => sensor.kind === 'nmea').map((sensor) => sensor.name)
  const hint = others.length > 0 ? `a sensor with \`nmea\` tells the time: ${others.slice(0, 5).join(', ')}` : 'add one: `sensors: [{ name: gps, topic: gps, nmea: { serial: { path: /dev/ttyACM0 } } }]`'
  return value.problem(named === undefined ? `there is no sensor \`${name}\`` : `the sensor \`${name}\` does not hear satellites`, hint)
}
