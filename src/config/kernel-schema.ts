// gateway.yaml, sensors that the kernel reads: `oneWire`, `iio`, `hwmon`, `thermal`, `power`, `system`.
import type { ChannelConfig, DiskConfig, KernelDeviceConfig } from './config.ts'
import { keyed } from './keyed.ts'
import { clip, type Place } from './place.ts'
import { duration, text } from './scalar.ts'
import { defaulted, list, object, optional, required, Schema } from './schema.ts'

const DAY_MS = 86_400_000
/** Faster than that, files of the kernel cost more than what they tell. */
const POLL_MS_MIN = 100
/** A DS18B20 converts for so long. */
const ONE_WIRE_POLL_MS_MIN = 1000

const poll = (plain: string, minMs = POLL_MS_MIN) => defaulted('Time from one reading to the next.', plain, duration(minMs, DAY_MS))

const FIELD = { expected: 'a name of letters, digits, - and _ (64 at most)', pattern: /^[A-Za-z][A-Za-z0-9_-]{0,63}$/ }

const channelName = text({ expected: "the kernel's word for a channel, or its label" })

/** A list of channels, which are their own names, or `name: channel`. */
const channelList: Schema<readonly ChannelConfig[]> = list(channelName, { min: 1 }).into(distinct).into((names) => names.map((name) => ({ name, channel: name })))
const channelMap: Schema<readonly ChannelConfig[]> = keyed(FIELD, channelName).into((entries) => entries.map(([name, channel]) => ({ name, channel })))
const channels = new Schema<readonly ChannelConfig[]>('a list of channels', { anyOf: [channelList.json, channelMap.json] }, (place) => (place.tree.kind === 'map' ? channelMap.check(place) : channelList.check(place)))

function distinct(names: readonly string[], place: Place): readonly string[] | undefined {
  const twice = names.findIndex((name, i) => names.indexOf(name) < i)
  return twice < 0 ? names : place.item(twice).problem(`the channel "${clip(names[twice]!)}" is named twice`, 'name each once')
}

const CHANNELS = 'Which of its channels: a list, or `name: channel` to call them something else. `sandpiper board` shows them. Without it all that give a value.'

/** A group of a sensor that the kernel reads, checked. */
export interface KernelGroup {
  readonly device: KernelDeviceConfig
  readonly pollMs: number
  /** Names of its values; null where only the kernel knows them. */
  readonly fields: readonly string[] | null
}

const oneWire: Schema<KernelGroup> = object({
  address: required(
    'Family and serial number of the thermometer, as `sandpiper board` and /sys/bus/w1/devices show it.',
    text({ expected: 'the address of a thermometer, such as 28-0000034a5a5d', pattern: /^(10|22|28|3b|42)-[0-9a-f]{12}$/, hint: 'write it as the folder in /sys/bus/w1/devices is called: 10, 22, 28, 3b or 42, a dash, and twelve digits from 0 to 9 and a to f' }),
  ),
  poll: poll('10s', ONE_WIRE_POLL_MS_MIN),
}).into((o) => ({ device: { kind: 'one-wire', address: o.address }, pollMs: o.poll, fields: ['temperature'] }))

const iio: Schema<KernelGroup> = object({
  device: required('The chip: its name (`bme280`), label or address (`i2c 1-0076`), or name and address where there are two.', text({ expected: 'the name, label or address of a chip' }).into(notAnIndex)),
  channels: optional(CHANNELS, channels),
  poll: poll('10s'),
}).into((i) => ({ device: { kind: 'iio', device: i.device, channels: i.channels }, pollMs: i.poll, fields: namesOf(i.channels) }))

const hwmon: Schema<KernelGroup> = object({
  chip: required('The chip: its name (`ina219`), or name and address where there are two (`ina219 1-0040`).', text({ expected: 'the name or address of a chip' }).into(notAnIndex)),
  channels: optional(`${CHANNELS} Alarms (\`temp1_crit_alarm\`) only when they are named.`, channels),
  poll: poll('10s'),
}).into((h) => ({ device: { kind: 'hwmon', chip: h.chip, channels: h.channels }, pollMs: h.poll, fields: namesOf(h.channels) }))

const thermal: Schema<KernelGroup> = object({
  zone: required('Type of the thermal zone: `cpu-thermal` on a Raspberry Pi.', text({ expected: 'the type of a thermal zone' }).into(notAnIndex)),
  poll: poll('30s'),
}).into((t) => ({ device: { kind: 'thermal', zone: t.zone }, pollMs: t.poll, fields: ['temperature'] }))

const power: Schema<KernelGroup> = object({
  supply: optional('One power supply or battery by its name. Without it all of them, and what the board tells of its own supply (under-voltage, throttling).', text({ expected: 'the name of a power supply' })),
  poll: poll('10s'),
}).into((p) => ({ device: { kind: 'power', supply: p.supply }, pollMs: p.poll, fields: null }))

const disks: Schema<readonly DiskConfig[]> = keyed(FIELD, text({ expected: 'a path', pattern: /^\//, hint: 'write a whole path, for example /var/lib/sandpiper' })).into((entries) => entries.map(([name, path]) => ({ name, path })))

const system: Schema<KernelGroup> = object({
  disks: defaulted('Disks to tell the free room of, each by any path on it. The name stands before its values: `disk` gives diskFree and diskUsed.', { disk: '/' }, disks),
  poll: poll('60s'),
}).into((s) => ({ device: { kind: 'system', disks: s.disks }, pollMs: s.poll, fields: null }))

function namesOf(choice: readonly ChannelConfig[] | null): readonly string[] | null {
  return choice === null ? null : choice.map((channel) => channel.name)
}

/** By the key that the sensor has. */
export const kernelGroups = {
  oneWire: required('A thermometer on the 1-wire bus: DS18B20 and its family.', oneWire),
  iio: required('A chip with a driver of the industrial I/O interface: converters, air, light, motion.', iio),
  hwmon: required('A monitoring chip: voltages, currents, temperatures, fans.', hwmon),
  thermal: required('A thermal zone of the kernel: how warm the processor is.', thermal),
  power: required('Power supplies, batteries, and the under-voltage flags of a Raspberry Pi.', power),
  system: required('The gateway itself: room on its disks, memory, load, wear of the flash.', system),
} as const

export type KernelKey = keyof typeof kernelGroups

/** The kernel gives numbers in the order in which it finds chips: they are another chip's after the next boot. */
function notAnIndex(written: string, place: Place): string | undefined {
  if (!/^(iio:device|hwmon|thermal_zone)\d+$/.test(written)) return written
  return place.problem(`${place.name} is a number that changes between boots: ${clip(written)}`, 'write the name that the chip has (`sandpiper board` shows it), with its address where there are two')
}
