// What a configuration asks of the board, held against what the board has: lines, ports and buses, and who else wants them.
//
// It knows no schema: it is given a list of uses, each with the place that a report points at (board-uses.ts makes the list).
// Without a profile (`board: auto` on another machine) only what needs none is checked: two owners of what is written the same way.
// Always true: every refusal says what to write instead. Places are not kept.
import { realpathSync } from 'node:fs'
import { describePin, keyOf, lineOf, wordOf, type BoardPin, type LineReference } from '../board/pin-map.ts'
import type { BoardConfig, BoardProfile, BoardUart } from './board-config.ts'
import { checkBus, Switches } from './board-switches.ts'
import { checkPort } from './board-ports.ts'
import type { Place } from './place.ts'
import { editDistance } from './spelling.ts'

interface Use {
  readonly place: Place
  /** In a sentence: `the sensor \`door\``. */
  readonly owner: string
}

export interface LineUse extends Use {
  readonly kind: 'line'
  readonly line: LineReference
  readonly direction: 'input' | 'output'
  readonly pull: 'up' | 'down' | null
  /** Where the pull is written. */
  readonly pullPlace: Place
}

/** A serial port. `place` is that of its group of keys. */
export interface PortUse extends Use {
  readonly kind: 'port'
  readonly path: string
  readonly pathKey: string
  readonly baud: number
  readonly dataBits: number
  readonly parity: 'none' | 'even' | 'odd'
  readonly stopBits: number
}

/** Something on an I²C or SPI bus, or 1-wire. */
export interface BusUse extends Use {
  readonly kind: 'bus'
  /** `i2c-1`, `spi-0`, `one-wire` */
  readonly bus: string
}

export type BoardUse = LineUse | PortUse | BusUse

/** Reports what cannot be; false when it has. `asksForSwitches` false: what is on is seen on the machine itself. */
export function checkBoard(uses: readonly BoardUse[], board: BoardConfig, asksForSwitches: boolean): boolean {
  const { profile } = board
  const check = new Check(profile === null || profile.isOpen ? null : profile, board, asksForSwitches)
  // Buses and ports first: they take pins, and who wants one as a line is told of it.
  for (const use of uses) if (use.kind === 'bus') check.bus(use)
  for (const use of uses) if (use.kind === 'port') check.port(use)
  for (const use of uses) if (use.kind === 'line') check.line(use, profile)
  return check.valid
}

class Check {
  valid = true
  readonly #profile: BoardProfile | null
  readonly #switches: Switches | null
  /** By line, and by UART or path. */
  readonly #lineOwners = new Map<string, LineUse>()
  readonly #portOwners = new Map<string, PortUse>()

  constructor(profile: BoardProfile | null, board: BoardConfig, asksForSwitches: boolean) {
    this.#profile = profile
    this.#switches = profile === null ? null : new Switches(profile, board.enable, asksForSwitches)
  }

  bus(use: BusUse): void {
    if (this.#switches !== null && !checkBus(use, this.#switches)) this.valid = false
  }

  port(use: PortUse): void {
    const uart = this.#switches === null ? null : checkPort(use, this.#switches)
    if (uart === 'refused') {
      this.valid = false
      return
    }
    const key = uart?.id ?? realPath(use.path)
    const other = this.#portOwners.get(key)
    this.#portOwners.set(key, other ?? use)
    if (other === undefined) return
    this.#refuse(use.place.key(use.pathKey), ownedTwice(use, other, uart), 'one owner for a port: take its messages apart with `decode`, or give each a port of its own')
  }

  line(use: LineUse, map: BoardProfile | null): void {
    if (map === null) {
      this.#claim(use, wordOf(use.line), wordOf(use.line))
      return
    }
    const answer = lineOf(map, use.line)
    if ('problem' in answer) {
      const near = misspelt(wordOf(use.line), answer.names)
      this.#refuse(use.place, answer.problem, near === null ? answer.hint : `did you mean ${near}? ${answer.hint}`)
      return
    }
    if (answer.line === null) {
      this.#claim(use, wordOf(use.line), wordOf(use.line))
      return
    }
    if (!this.#claim(use, keyOf(answer.line), answer.pin === null ? wordOf(use.line) : describePin(answer.pin))) return
    if (answer.pin !== null) this.#pin(use, answer.pin)
    this.#pull(use, answer.line.chip, answer.pin)
  }

  /** One owner for a line, whatever it is called. */
  #claim(use: LineUse, key: string, name: string): boolean {
    const other = this.#lineOwners.get(key)
    this.#lineOwners.set(key, other ?? use)
    if (other === undefined) return true
    const alias = wordOf(other.line) === wordOf(use.line) ? '' : ` (as ${wordOf(other.line)})`
    return this.#refuse(use.place, `${name} belongs to ${other.owner} already${alias}`, `one owner for a line${this.#freePins()}`)
  }

  #pin(use: LineUse, pin: BoardPin): void {
    const taker = this.#switches?.takerOf(pin.pin) ?? null
    if (taker?.isSure === true) {
      this.#refuse(use.place, `${describePin(pin)} belongs to ${taker.title}, which ${taker.why}`, `take another line${this.#freePins()}, or take ${taker.id} away`)
      return
    }
    if (taker !== null) use.place.warning(`${describePin(pin)} belongs to ${taker.title}, which ${taker.why}`, `switch it off there, or take another line${this.#freePins()}`)
    if (pin.only !== null && pin.only !== use.direction) {
      this.#refuse(use.place, `${describePin(pin)} is an ${pin.only} only: the board lets nothing through the other way`, `take another line${this.#freePins()}`)
    }
  }

  #pull(use: LineUse, label: string, pin: BoardPin | null): void {
    if (use.pull === null) return
    if (pin !== null && pin.fixedPull !== null) {
      if (pin.fixedPull === use.pull) return
      this.#refuse(use.pullPlace, `${describePin(pin)} is pulled ${pin.fixedPull} by a resistor on the board: \`pull: ${use.pull}\` cannot win`, `write \`pull: ${pin.fixedPull}\`, or take another line${this.#freePins()}`)
      return
    }
    const chip = this.#profile?.chips.find((one) => one.label === label)
    if (chip === undefined || chip.pulls) return
    this.#refuse(use.pullPlace, `the kernel cannot switch pull resistors of ${label}: \`pull: ${use.pull}\` would do nothing`, `take \`pull\` away and wire a resistor to ${use.pull === 'up' ? '3.3 V' : 'ground'}`)
  }

  #refuse(place: Place, message: string, hint: string): false {
    place.problem(message, hint)
    this.valid = false
    return false
  }

  /** A few lines that nobody wants. */
  #freePins(): string {
    const free = this.#profile?.pins.filter((pin) => pin.line !== null && pin.use === null && !this.#lineOwners.has(keyOf(pin.line)) && this.#switches!.takerOf(pin.pin) === null) ?? []
    return free.length === 0 ? '' : `; free are ${free.slice(0, 4).map(describePin).join(', ')}`
  }
}

/** The name that is meant: the same number, and letters that are nearly the same. GPIO2 is no misspelt GPIO28. */
function misspelt(name: string, names: readonly string[]): string | null {
  const [letters, number] = parts(name)
  return names.find((known) => {
    const [others, same] = parts(known)
    return number !== null && number === same && editDistance(letters, others) <= 1
  }) ?? null
}

function parts(name: string): readonly [letters: string, number: number | null] {
  const digits = /\d+/.exec(name)
  return [name.replace(/\d+/, '').toUpperCase(), digits === null ? null : Number(digits[0])]
}

/** Two names of one device are one, where this machine has it. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function ownedTwice(use: PortUse, other: PortUse, uart: BoardUart | null): string {
  if (use.path === other.path) return `the serial port ${use.path} belongs to ${other.owner} already`
  return `${use.path} is ${uart?.title ?? 'the same port'} and belongs to ${other.owner} already (as ${other.path})`
}
