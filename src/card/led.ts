// The board's light: what a person on a ladder sees. Kernel triggers make it blink, so that it goes on when nothing else does, and costs nothing.
//
// What is always true: an LED that cannot be driven is left alone and nobody minds; what is set already is not set again, for a pattern would begin
// anew.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The worst first: one light says one thing. */
export const LED_CODES = {
  'no-data': { blinks: 4, says: 'the data partition is missing, read-only or damaged: replace the card' },
  default: { blinks: 3, says: 'gateway.yaml has a mistake, and there is no earlier one: a local broker runs' },
  'last-good': { blinks: 2, says: 'gateway.yaml has a mistake: the last one that was right runs' },
  'no-broker': { blinks: 5, says: 'the broker does not answer' },
  trying: { blinks: 6, says: 'an update is being tried' },
  'no-uplink': { blinks: 1, says: 'all is well here, but an uplink is not connected' },
  good: { blinks: 0, says: 'all is well' },
} as const

export type LedCode = keyof typeof LED_CODES | 'starting'

/** Lights that boards have for this, as the kernel calls them; the first that is there. */
const NAMES = [/^ACT$/, /^led0$/, /^(.*:)?(status|stat|sys|system|act|activity)$/i, /^(.*:)?(user|usr0|user0|user1)$/i, /^PWR$/, /^led1$/]
const ON_MS = 200
const OFF_MS = 250
const PAUSE_MS = 1800
/** Of a light that says that all is well: a short flash. */
const FLASH_MS = 50
const REST_MS = 2950
const STARTING_MS = 100

/** In a sentence, for STATUS.txt and the table of the documentation. */
export function ledWords(code: LedCode): string {
  if (code === 'starting') return 'it flickers: starting'
  const { blinks, says } = LED_CODES[code]
  if (blinks === 0) return `a short flash every 3 seconds: ${says}`
  return `${blinks === 1 ? 'one blink' : `${blinks} blinks`}, a pause: ${says}`
}

export class Led {
  readonly #folder: string | null

  /** `root`: where /sys is; '' for this machine. */
  constructor(root = '') {
    const leds = `${root}/sys/class/leds`
    const names = list(leds)
    const name = NAMES.map((pattern) => names.find((one) => pattern.test(one))).find((one) => one !== undefined)
    this.#folder = name === undefined ? null : join(leds, name)
  }

  /** false when there is none. */
  get isThere(): boolean {
    return this.#folder !== null
  }

  /** false when there is none, or it cannot be driven. */
  show(code: LedCode): boolean {
    return this.#folder !== null && (this.#byPattern(this.#folder, patternOf(code, Number(read(join(this.#folder, 'max_brightness')) ?? 255))) || this.#byTimer(this.#folder, code))
  }

  #byPattern(folder: string, pattern: string): boolean {
    if (trigger(folder) === 'pattern' && read(join(folder, 'pattern')) === pattern) return true
    return order(join(folder, 'trigger'), 'pattern') && order(join(folder, 'pattern'), pattern)
  }

  /** A kernel without patterns tells apart three things only: starting, well, not well. */
  #byTimer(folder: string, code: LedCode): boolean {
    const [on, off] = code === 'starting' ? [STARTING_MS, STARTING_MS] : code === 'good' ? [FLASH_MS, REST_MS] : [ON_MS * 2, ON_MS * 2]
    return order(join(folder, 'trigger'), 'timer') && order(join(folder, 'delay_on'), `${on}`) && order(join(folder, 'delay_off'), `${off}`)
  }
}

/** Brightness and milliseconds in turn; two of a kind in a row make a step instead of a slope (the kernel's leds-trigger-pattern). */
function patternOf(code: LedCode, brightness: number): string {
  const steps: (readonly [isOn: 0 | 1, ms: number])[] = []
  if (code === 'starting') steps.push([1, STARTING_MS], [0, STARTING_MS])
  else if (code === 'good') steps.push([1, FLASH_MS], [0, REST_MS])
  else {
    const { blinks } = LED_CODES[code]
    for (let i = 1; i <= blinks; i++) steps.push([1, ON_MS], [0, i === blinks ? PAUSE_MS : OFF_MS])
  }
  return steps.map(([isOn, ms]) => `${isOn * brightness} ${ms} ${isOn * brightness} 0`).join(' ')
}

function trigger(folder: string): string | undefined {
  return /\[([^\]]*)\]/.exec(read(join(folder, 'trigger')) ?? '')?.[1]
}

function order(path: string, value: string): boolean {
  try {
    writeFileSync(path, value)
    return true
  } catch {
    return false // the kernel has no such trigger, or somebody else holds the light
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
