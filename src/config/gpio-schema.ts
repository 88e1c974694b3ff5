// gateway.yaml, `gpio`: the line of a sensor or an output, and what is read from it.
import { referenceOf } from './board-schema.ts'
import type { GpioInputConfig, GpioLineConfig, GpioSensorConfig } from './config.ts'
import type { Place } from './place.ts'
import { boolean, choice, duration, integer, text, topicName } from './scalar.ts'
import { defaulted, object, optional } from './schema.ts'

const HOUR_MS = 3_600_000
const PIN_MAX = 400
/** The kernel has 32 bits of microseconds for it; nobody waits so long for a button. */
const DEBOUNCE_MS_MAX = 60_000
/** The kernel counts to 2³²: at this interval no line is fast enough to go round unseen. */
const POLL_MS_MAX = 60_000

/** How a line is named, and reached: the same for what is read and what is driven. */
export const lineKeys = {
  line: optional('The line by its name (GPIO17), or by the label of its chip and its offset there ("pinctrl-rp1:17"). `sandpiper board` lists both.', text({ expected: 'the name of a line, or "LABEL:OFFSET"' })),
  pin: optional('The pin of the header instead, counted as the board does.', integer(1, PIN_MAX)),
  activeLow: defaulted('The line is on, or pressed, when it is low.', false, boolean()),
  interface: defaulted('Of the kernel: device is /dev/gpiochipN, sysfs is /sys/class/gpio; auto takes what serves best and is there.', 'auto', choice(['auto', 'device', 'sysfs'])),
} as const

export interface LineKeys {
  readonly line: string | null
  readonly pin: number | null
  readonly activeLow: boolean
  readonly interface: GpioLineConfig['interface']
}

/** `place` is that of the group. Undefined when a problem was reported. */
export function lineOf(keys: LineKeys, place: Place): GpioLineConfig | undefined {
  const { line, pin, activeLow } = keys
  if (line !== null && pin !== null) return place.key('pin').problem(`${place.name} has both \`line\` and \`pin\``, 'name the line in one way')
  if (line === null && pin === null) return place.problem(`${place.name} names no line`, 'add `line: GPIO17` or `pin: 11`; `sandpiper board` lists them')
  return { line: pin !== null ? { kind: 'pin', pin } : referenceOf(line!), interface: keys.interface, activeLow }
}

export const gpio = object({
  ...lineKeys,
  input: defaulted('What is read: its level, edges one by one, the length of a press, or a counter of pulses.', 'level', choice(['level', 'edges', 'press', 'counter'])),
  pull: optional('Switches the resistor of the chip to up, down or none. Left out: as it is.', choice(['up', 'down', 'none'])),
  debounce: defaulted('A level counts when it has held so long; 0 for at once.', 0, duration(0, DEBOUNCE_MS_MAX)),
  edge: optional('Of edges and counter: which ones. rising is becoming active.', choice(['rising', 'falling', 'both'])),
  long: optional('Of press: from this length on it is called long.', duration(1, HOUR_MS)),
  poll: optional('Of counter: time from one reading to the next.', duration(10, POLL_MS_MAX)),
  save: optional('Of counter: the total is written to flash so often, when it has changed. What a power cut costs at most.', duration(100, 24 * HOUR_MS)),
  reset: optional('Of counter: topic of commands that set the total, to 0 or to the number in the payload.', topicName()),
}).into((g, place): GpioSensorConfig['gpio'] | undefined => {
  const line = lineOf(g, place)
  const input = inputOf(g, place)
  return line === undefined || input === undefined ? undefined : { ...line, pull: g.pull, debounceMs: g.debounce, input }
})

interface InputKeys {
  readonly input: GpioInputConfig['kind']
  readonly edge: 'rising' | 'falling' | 'both' | null
  readonly long: number | null
  readonly poll: number | null
  readonly save: number | null
  readonly reset: string | null
}

const KEYS_OF: Readonly<Record<GpioInputConfig['kind'], readonly string[]>> = {
  level: [],
  edges: ['edge'],
  press: ['long'],
  counter: ['edge', 'poll', 'save', 'reset'],
}

function inputOf(keys: InputKeys, place: Place): GpioInputConfig | undefined {
  const stray = ['edge', 'long', 'poll', 'save', 'reset'].find((key) => place.has(key) && !KEYS_OF[keys.input].includes(key))
  if (stray !== undefined) {
    const owners = Object.entries(KEYS_OF).filter(([, own]) => own.includes(stray)).map(([kind]) => `\`input: ${kind}\``)
    return place.keyProblem(stray, `\`${stray}\` says nothing of \`input: ${keys.input}\``, `it belongs to ${owners.join(' and ')}: remove it, or change \`input\``)
  }
  switch (keys.input) {
    case 'level':
      return { kind: 'level' }
    case 'edges':
      return { kind: 'edges', edge: keys.edge ?? 'both' }
    case 'press':
      return { kind: 'press', longMs: keys.long ?? Infinity }
    case 'counter':
      return { kind: 'counter', edge: keys.edge ?? 'rising', pollMs: keys.poll ?? 1000, saveMs: keys.save ?? 10_000, reset: keys.reset }
  }
}

/** The names of what such an input gives. */
export function gpioFields({ kind }: GpioInputConfig): readonly string[] {
  switch (kind) {
    case 'level':
      return ['level']
    case 'edges':
      return ['edge']
    case 'press':
      return ['seconds', 'long']
    case 'counter':
      return ['total', 'rate']
  }
}

