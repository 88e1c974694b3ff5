// gateway.yaml, `sensors:`. Each has a name, a topic, and where its samples come from: one key, `serial` or `simulate`.
import type { GpioSensorConfig, KernelSensorConfig, ModbusSensorConfig, NmeaSensorConfig, ReadingConfig, SensorCommon, SensorConfig, SerialSensorConfig, SimulateSensorConfig } from './config.ts'
import { decodedNames } from './decode-schema.ts'
import { gpio, gpioFields } from './gpio-schema.ts'
import { type KernelGroup, type KernelKey, kernelGroups } from './kernel-schema.ts'
import { modbus } from './modbus-schema.ts'
import { nmea } from './nmea-schema.ts'
import { clip, type Place } from './place.ts'
import { asItIs, readingKeys, readingOf, type ReadingValues } from './reading-schema.ts'
import { boolean, choice, duration, identifier, number, tenantName, topicName } from './scalar.ts'
import { byKey, defaulted, list, object, required, type Schema } from './schema.ts'
import { serialKeys, serialOf } from './serial-schema.ts'

const DAY_MS = 86_400_000

const common = {
  name: required('Name of the sensor in logs, counters and $SYS topics. Unique.', identifier('a sensor name')),
  tenant: defaulted('Whose topic it is: only clients of this tenant get its readings.', '', tenantName()),
  topic: required('Topic its readings are published to. {site} is replaced; with {value} each value has a topic of its own.', topicName(['value'])),
  qos: defaulted('QoS of its messages. With 1 every sample is kept for subscribers and uplinks that are away.', 1, choice([0, 1, 2])),
  retain: defaulted('Keep the last sample for later subscribers.', false, boolean()),
  ...readingKeys,
} as const

/** Splits the keys of readings off: `fields` are the names that the source gives; null where only it knows them. */
function withReading<T extends ReadingValues & { readonly name: string; readonly topic: string }>(s: T, fields: readonly string[] | null, place: Place): (Omit<T, keyof ReadingValues> & { readonly reading: ReadingConfig }) | undefined {
  const { values, every, onChange, deadband, maxSilence, staleAfter, payload, ...rest } = s
  const keys = { values, every, onChange, deadband, maxSilence, staleAfter, payload }
  const reading = readingOf(keys, { topic: s.topic, site: place.run.placeholders.get('site') ?? '', name: s.name, fields }, place)
  return reading === undefined ? undefined : { ...rest, reading }
}

/** The same for sources that have a payload of their own, which is published as it is when nothing is said about readings. */
function orAsItIs<T extends ReadingValues & { readonly name: string; readonly topic: string }>(s: T, fields: readonly string[] | null, place: Place): (Omit<T, keyof ReadingValues> & { readonly reading: ReadingConfig | null }) | undefined {
  const made = withReading(s, fields, place)
  if (made === undefined || !asItIs(s)) return made
  if (!s.topic.includes('{value}')) return { ...made, reading: null }
  return made
}

/** A command topic that the sensor's own readings go to: each would be taken for a command. False when it was reported. */
function isApart(command: string | null, topic: string, place: Place): boolean {
  if (command !== topic) return true
  place.problem(`the readings go to \`${clip(topic)}\` too`, 'each reading would be taken for a command: choose another topic for commands')
  return false
}

const simulate = object({
  kind: required('Shape of the values: sine, ramp, random-walk, constant (always min) or counter (min, min + 1 … max, and round again).', choice(['sine', 'ramp', 'random-walk', 'constant', 'counter'])),
  every: defaulted('Time from one sample to the next.', '1s', duration(1, DAY_MS)),
  min: defaulted('Smallest value.', 0, number()),
  max: defaulted('Largest value.', 100, number()),
  period: defaulted('Length of one wave of sine and ramp.', '60s', duration(1, 365 * DAY_MS)),
}).into((s, place) => {
  // `{ kind: constant, min: 500 }` needs no max.
  if (s.min > s.max && s.kind !== 'constant') {
    return place.key(place.has('min') ? 'min' : 'max').problem(`\`min\` ${s.min} is larger than \`max\` ${s.max}`, 'swap them, or give both')
  }
  return { kind: s.kind, everyMs: s.every, min: s.min, max: s.max, periodMs: s.period }
})

const simulated: Schema<SimulateSensorConfig> = object({
  ...common,
  simulate: required('Invented values, to try a gateway without hardware.', simulate),
}).into((s, place) => {
  const made = orAsItIs(s, ['value'], place)
  return made === undefined ? undefined : { kind: 'simulate', ...made }
})

const serial: Schema<SerialSensorConfig> = object({ ...common, ...serialKeys }).into((s, place) => {
  const made = orAsItIs(s, decodedNames(s.decode), place)
  const whole = made === undefined ? undefined : serialOf(made, place)
  return whole === undefined ? undefined : { kind: 'serial', ...whole }
})

const slave: Schema<ModbusSensorConfig> = object({ ...common, modbus: required('The slave of a Modbus bus that it is read from.', modbus) }).into((s, place) => {
  const made = withReading(s, s.modbus.reads.map((read) => read.name), place)
  const apart = s.modbus.writes.map(({ topic }, i) => isApart(topic, s.topic, place.key('modbus').key('write').item(i).key('topic')))
  return apart.includes(false) || made === undefined ? undefined : { kind: 'modbus', ...made }
})

const line: Schema<GpioSensorConfig> = object({ ...common, gpio: required('The GPIO line that it is read from.', gpio) }).into((s, place) => {
  const made = withReading(s, gpioFields(s.gpio.input), place)
  const { input } = s.gpio
  if (input.kind !== 'counter' && s.staleAfter !== null && s.staleAfter !== Infinity) {
    return place.key('staleAfter').problem(`a quiet line is not stale: \`input: ${input.kind}\` tells of changes only`, 'remove `staleAfter`: a line that cannot be read is gone by itself')
  }
  if ((input.kind === 'edges' || input.kind === 'press') && s.maxSilence !== null && s.maxSilence !== Infinity) {
    return place.key('maxSilence').problem(`\`input: ${input.kind}\` tells what happened: told again it would have happened twice`, 'remove `maxSilence`')
  }
  return (input.kind === 'counter' && !isApart(input.reset, s.topic, place.key('gpio').key('reset'))) || made === undefined ? undefined : { kind: 'gpio', ...made }
})

/** A sensor that the kernel reads: `key` says which interface of it. */
function kernel(key: KernelKey): Schema<KernelSensorConfig> {
  return object({ ...common, [key]: kernelGroups[key] }).into((s, place): KernelSensorConfig | undefined => {
    const { device, pollMs, fields } = (s as unknown as Readonly<Record<KernelKey, KernelGroup>>)[key]
    const made = withReading(s as unknown as ReadingValues & Omit<SensorCommon, 'reading'>, fields, place)
    if (made === undefined) return undefined
    const { name, tenant, topic, qos, retain, reading } = made
    return { kind: 'kernel', name, tenant, topic, qos, retain, reading, device, pollMs }
  })
}

const nmeaSensor: Schema<NmeaSensorConfig> = object({
  ...common,
  nmea: required('A receiver or instrument that speaks NMEA 0183: position, depth, wind, heading.', nmea),
}).into((s, place) => {
  const made = withReading(s, null, place)
  return made === undefined ? undefined : { kind: 'nmea', ...made }
})

export const sensors: Schema<readonly SensorConfig[]> = list<SensorConfig>(byKey('a sensor', { gpio: line, serial, modbus: slave, simulate: simulated, nmea: nmeaSensor, oneWire: kernel('oneWire'), iio: kernel('iio'), hwmon: kernel('hwmon'), thermal: kernel('thermal'), power: kernel('power'), system: kernel('system') }), {
  unique: [
    { key: 'name', of: (s) => s.name, message: (name) => `the sensor name \`${name}\` is used twice`, hint: 'give each sensor a name of its own' },
    { key: 'topic', of: (s) => (s.tenant === '' ? s.topic : `${s.tenant}: ${s.topic}`), message: (topic) => `the topic \`${topic}\` is used twice`, hint: 'give each sensor a topic of its own' },
  ],
})
