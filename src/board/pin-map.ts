// What the lines of a board are called, and which line a name means. Pure: a profile's pins and a reference in, one line of one chip out.
//
// A line has one identity, its chip's label and its offset there. Everything else is a way to say it: the pin of the header, the name on
// the maker's pin-out, the name that a kernel's device tree gives it. Two references mean the same line when their identity is the same.
// Always true: a name that could mean two lines means none. The answer then says what to write instead: a wrong line closes the wrong relay.

/** As it stands in the configuration. */
export type LineReference =
  | { readonly kind: 'pin'; readonly pin: number }
  /** `GPIO17`, `PAC.06`: of the profile, or of the kernel. */
  | { readonly kind: 'name'; readonly name: string }
  /** `pinctrl-rp1:17` */
  | { readonly kind: 'chip'; readonly label: string; readonly offset: number }

export interface Line {
  /** As in /sys/class/gpio/gpiochip…/label. */
  readonly chip: string
  readonly offset: number
}

export interface BoardChip {
  readonly label: string
  readonly lines: number
  /** The kernel can switch pull-ups and pull-downs. */
  readonly pulls: boolean
}

/** A pin of the header. */
export interface BoardPin {
  readonly pin: number
  /** `GPIO17`, `PAC.06`, `GND`, `3V3`, `5V`; for a pin of one purpose that purpose. */
  readonly name: string
  readonly kind: 'line' | 'power' | 'ground' | 'other'
  /** null when it is no GPIO. */
  readonly line: Line | null
  /** Other names that kernels give the line. */
  readonly also: readonly string[]
  /** What the maker's documents call the signal, where that is no name of ours. */
  readonly label: string | null
  /** What it is besides a GPIO: `I2C SDA`. */
  readonly use: string | null
  /** A resistor on the board. */
  readonly fixedPull: 'up' | 'down' | null
  /** The board lets signals through in this direction only. */
  readonly only: 'input' | 'output' | null
}

export interface PinMap {
  readonly title: string
  readonly chips: readonly BoardChip[]
  readonly pins: readonly BoardPin[]
  /** Nobody knows what else is there: lines by chip label and by name are taken as they are. */
  readonly isOpen: boolean
}

/** `line` null: nothing is known of a line of this name, and it may be there. */
export type LineAnswer = { readonly line: Line | null; readonly pin: BoardPin | null } | LineRefusal

export interface LineRefusal {
  /** Says what is wrong, and what to write instead. */
  readonly problem: string
  readonly hint: string
  /** Names that it could have been: for a guess at the spelling. */
  readonly names: readonly string[]
}

/** What GPIO numbers of a Raspberry Pi stand at which pin: the order that all 40-pin headers share. */
const RASPBERRY_PI_PINS: Readonly<Record<number, number>> = {
  0: 27, 1: 28, 2: 3, 3: 5, 4: 7, 5: 29, 6: 31, 7: 26, 8: 24, 9: 21, 10: 19, 11: 23, 12: 32, 13: 33,
  14: 8, 15: 10, 16: 36, 17: 11, 18: 12, 19: 35, 20: 38, 21: 40, 22: 15, 23: 16, 24: 18, 25: 22, 26: 37, 27: 13,
} // prettier-ignore

export function lineOf(map: PinMap, reference: LineReference): LineAnswer {
  if (reference.kind === 'pin') return ofPin(map, reference.pin)
  return reference.kind === 'chip' ? ofChip(map, reference) : ofName(map, reference.name)
}

/** As it would be written in the configuration. */
export function wordOf(reference: LineReference): string {
  if (reference.kind === 'pin') return `pin ${reference.pin}`
  return reference.kind === 'chip' ? `${reference.label}:${reference.offset}` : reference.name
}

/** The identity of a line as one word. */
export function keyOf({ chip, offset }: Line): string {
  return `${chip}:${offset}`
}

/** `GPIO17 (pin 11)`, for sentences. */
export function describePin(pin: BoardPin): string {
  return `${pin.name} (pin ${pin.pin})`
}

function ofPin(map: PinMap, number: number): LineAnswer {
  const pin = map.pins.find((p) => p.pin === number)
  if (pin === undefined) {
    if (map.pins.length === 0) return refusal(`${map.title} has no header that is known`, 'name the line by the label of its chip and its offset: line: "LABEL:17"; `sandpiper board` lists them')
    return refusal(`${map.title} has no pin ${number}`, `its header has pins 1 to ${map.pins.at(-1)!.pin}`)
  }
  return pin.line === null ? notALine(map, pin) : { line: pin.line, pin }
}

function notALine(map: PinMap, pin: BoardPin): LineRefusal {
  const what = pin.kind === 'ground' ? 'is ground' : pin.kind === 'power' ? `is the ${pin.name} supply` : `is ${pin.use ?? pin.name}, and no GPIO`
  const near = map.pins.filter((p) => p.line !== null).toSorted((a, b) => Math.abs(a.pin - pin.pin) - Math.abs(b.pin - pin.pin))
  return refusal(`pin ${pin.pin} of ${map.title} ${what}`, `the nearest lines are ${near.slice(0, 3).map(describePin).join(', ')}`)
}

function ofChip(map: PinMap, { label, offset }: { readonly label: string; readonly offset: number }): LineAnswer {
  const chip = map.chips.find((c) => c.label === label)
  const line = { chip: label, offset }
  if (chip === undefined) {
    // An expander on a bus has a label of its own; that of another board's processor is a mistake.
    if (map.isOpen || !/^(pinctrl-|tegra|gpio-tegra|gpio-brcmstb|raspberrypi-exp)/.test(label)) return { line, pin: null }
    return refusal(`${map.title} has no GPIO chip "${label}"`, `its chips are ${map.chips.map((c) => c.label).join(', ')}`)
  }
  if (offset >= chip.lines) return refusal(`${label} has no line ${offset}`, `its lines are 0 to ${chip.lines - 1}`)
  const pin = map.pins.find((p) => p.line !== null && keyOf(p.line) === keyOf(line))
  if (pin !== undefined) return { line, pin }
  if (map.isOpen) return { line, pin: null }
  return refusal(
    `line ${offset} of ${label} is not on the header of ${map.title}: the board uses it itself`,
    'take a line of the header; a carrier board of your own wants a profile of its own (`extends:` this one)',
  )
}

function ofName(map: PinMap, name: string): LineAnswer {
  const pin = map.pins.find((p) => p.name === name || p.also.includes(name))
  if (pin !== undefined) return pin.line === null ? notALine(map, pin) : { line: pin.line, pin }
  const meant = map.pins.length === 0 ? [] : meanings(map, name)
  if (meant.length > 0) return refusal(`${map.title} has no line that is called ${name}`, `write the pin: ${meant.join('; ')}`)
  if (map.isOpen) return { line: null, pin: null }
  const names = map.pins.filter((p) => p.line !== null).flatMap((p) => [p.name, ...p.also])
  const how = `write the pin of the header (\`pin: 11\`), a name such as ${names[0]!}, or "LABEL:OFFSET" for a line of another chip`
  return { problem: `${map.title} has no line that is called ${name}`, hint: how, names }
}

/** What a name could mean on a board that does not use it: to be chosen by the operator, never by us. */
function meanings(map: PinMap, name: string): string[] {
  const number = /^GPIO_?0*(\d{1,3})$/i.exec(name)?.[1]
  if (number === undefined) return []
  const labelled = map.pins.find((p) => p.line !== null && new RegExp(`^GPIO0*${number}$`).test(p.label ?? ''))
  const place = map.pins.find((p) => p.pin === RASPBERRY_PI_PINS[Number(number)] && p.line !== null)
  const meant: string[] = []
  if (place !== undefined) meant.push(`\`pin: ${place.pin}\` is where a Raspberry Pi has GPIO${number}`)
  if (labelled !== undefined) meant.push(`\`pin: ${labelled.pin}\` is what the maker calls ${labelled.label}`)
  return meant
}

function refusal(problem: string, hint: string): LineRefusal {
  return { problem, hint, names: [] }
}
