// board.yaml: what one file of a profile may hold. Every key but `id` may be left to the profile that it extends; whether the whole
// makes sense is checked when it is put together (board-profile.ts).
import type { BoardSystem } from './board-config.ts'
import type { Place } from './place.ts'
import { keyed } from './keyed.ts'
import { boolean, choice, identifier, integer, number, text } from './scalar.ts'
import { list, object, optional, required, Schema } from './schema.ts'

export const SYSTEMS = ['raspberry-pi-os', 'debian', 'jetpack'] as const satisfies readonly BoardSystem[]

export const boardId = identifier('the name of a board')
/** `uart-2`, `i2c-1`, `one-wire` */
export const SWITCH_ID = /^[a-z0-9]+(-[a-z0-9]+)*$/

const system = choice(SYSTEMS)
const systems = list(system)
const device = text({ expected: 'a device file', pattern: /^\/dev\/\S+$/, hint: 'write the whole path: /dev/ttyS0' })
const pinNumber = integer(1, 400)
const label = text({ expected: 'the label of a GPIO chip', pattern: /^\S+$/, hint: 'cat /sys/class/gpio/gpiochip*/label, or gpiodetect' })

/** `none` takes away what the profile that is extended has. */
function orNone<T>(schema: Schema<T>): Schema<T | null> {
  return new Schema<T | null>(schema.expected, { anyOf: [schema.json, { enum: ['none'] }] }, (place) => {
    return place.tree.kind === 'scalar' && place.tree.value === 'none' ? null : schema.check(place)
  })
}

const chip = object({
  lines: required('Number of its lines.', integer(1, 1024)),
  pulls: required('The kernel can switch pull-ups and pull-downs of its lines.', boolean()),
})

const line = object({
  name: required('What the line is called: `GPIO17`, `PAC.06`.', text({ expected: 'a name' })),
  line: optional('Its offset in the chip; left out: the pin is no GPIO.', integer(0, 1023)),
  chip: optional('Label of its chip; left out: that of the header.', label),
  also: optional('Names that kernels give the line.', list(text({ expected: 'a name' }))),
  label: optional('What the maker calls the signal.', text()),
  use: optional('What it is besides a GPIO, or instead of one: `I2C SDA`.', text()),
  fixedPull: optional('A resistor on the board: up or down.', choice(['up', 'down'])),
  only: optional('The board lets signals through in this direction only.', choice(['input', 'output'])),
})

export type DraftPin = { readonly supply: 'GND' | '3V3' | '5V' } | { readonly line: Exclude<ReturnType<typeof line.check>, undefined> }

const pin: Schema<DraftPin> = new Schema<DraftPin>('GND, 3V3, 5V or a group with `name`', { anyOf: [{ enum: ['GND', '3V3', '5V'] }, line.json] }, (place) => {
  if (place.tree.kind === 'map') {
    const checked = line.check(place)
    return checked === undefined ? undefined : { line: checked }
  }
  const supply = choice(['GND', '3V3', '5V'], 'GND, 3V3, 5V or a group with `name`').check(place)
  return supply === undefined ? undefined : { supply }
})

const header = object({
  chip: optional('Label of the chip of pins that name none.', label),
  pins: optional('Pins by number.', keyed({ expected: 'the number of a pin', pattern: /^[1-9]\d{0,2}$/ }, pin)),
})

export interface DraftBoot {
  readonly lines: readonly string[]
  readonly note: string | null
}

const bootLines = list(text({ expected: 'a line of a boot file' }))
const bootGroup = object({ lines: required('Lines of the boot file.', bootLines), note: required('What else is to be done.', text()) })

// A list of lines, a sentence of what to do instead, or both.
const bootOf: Schema<DraftBoot> = new Schema<DraftBoot>('lines of a boot file', { anyOf: [bootLines.json, { type: 'string' }, bootGroup.json] }, (place: Place) => {
  if (place.tree.kind === 'map') return bootGroup.check(place)
  if (place.tree.kind === 'list') {
    const lines = bootLines.check(place)
    return lines === undefined ? undefined : { lines, note: null }
  }
  const note = text({ expected: 'lines of a boot file, or a sentence' }).check(place)
  return note === undefined ? undefined : { lines: [], note }
})

function bySystem<T>(value: Schema<T>): Schema<readonly (readonly [BoardSystem, T])[]> {
  return keyed({ expected: `a system: ${SYSTEMS.join(', ')}`, pattern: new RegExp(`^(${SYSTEMS.join('|')})$`) }, value) as Schema<readonly (readonly [BoardSystem, T])[]>
}

const switched = {
  title: optional('What it is, in a word or two.', text()),
  on: optional('Systems where it is on as they are delivered.', systems),
  boot: optional('What switches it on, by system.', bySystem(bootOf)),
  devices: optional('Its device files, under any system.', list(device)),
  pins: optional('Pins of the header that it takes.', list(pinNumber)),
} as const

const uart = object({
  ...switched,
  parity: optional('It can send and check parity.', boolean()),
  twoStopBits: optional('It can send two stop bits.', boolean()),
  detectsBreak: optional('It notices a break and framing errors.', boolean()),
  maxBaud: optional('Bits per second at most.', integer(1, 20_000_000)),
  console: optional('Systems that have a console on it as they are delivered, and how it is taken away.', bySystem(text())),
  belongsTo: optional('Who has it until it is enabled.', text()),
  replaces: optional('The UART that is at these pins while this one is not enabled.', text()),
})

const bus = object({ ...switched, kind: optional('i2c, spi or one-wire.', choice(['i2c', 'spi', 'one-wire'])) })

const switchKey = { expected: 'the name of a UART or bus: small letters, digits and -', pattern: SWITCH_ID }

export const profileFile = object({
  id: required('Name of the profile: that of its folder.', boardId),
  extends: optional('Profile that everything comes from which is not said here: an id, or a path of a file.', text()),
  title: optional('Name of the board.', text()),
  compatible: optional('Strings of /proc/device-tree/compatible, any of which means this board.', list(text())),
  models: optional('What /proc/device-tree/model begins with.', list(text())),
  systems: optional('Systems that the profile knows.', systems),
  bootFiles: optional('Boot file of each system.', bySystem(text({ expected: 'a path', pattern: /^\// }))),
  open: optional('Nobody knows what else is there: lines and ports that are not listed are taken as they are.', boolean()),
  chips: optional('GPIO chips by label.', keyed({ expected: 'the label of a GPIO chip', pattern: /^\S+$/ }, orNone(chip))),
  header: optional('The pins.', header),
  uarts: optional('UARTs by name.', keyed(switchKey, orNone(uart))),
  buses: optional('I²C, SPI and 1-wire by name.', keyed(switchKey, orNone(bus))),
  aliases: optional('Device files that mean the first of some UARTs that is enabled, else the last.', keyed({ expected: 'a device file', pattern: /^\/dev\/\S+$/ }, list(text(), { min: 1 }))),
  leds: optional('Names in /sys/class/leds.', list(text())),
  watchdog: optional('The watchdog.', object({ device: required('Its device file.', device), maxSec: optional('Its longest timeout in seconds.', integer(1, 100_000)) })),
  thermal: optional(
    'Temperatures in °C.',
    object({
      zone: required('Type of its zone in /sys/class/thermal.', text()),
      throttle: optional('It gets slower from here on.', number()),
      shutdown: optional('The kernel switches off here.', number()),
    }),
  ),
})

export type ProfileDraft = Exclude<ReturnType<typeof profileFile.check>, undefined>
