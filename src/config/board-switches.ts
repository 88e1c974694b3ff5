// What is on: UARTs and buses that boot files switch on, and the pins that they take.
//
// On for sure is what `board.enable` lists, and what is on under every system that the profile knows. What is on under some of them only is
// on perhaps: it may be used, with a warning, and its pins are taken perhaps.
import { lineOf } from '../board/pin-map.ts'
import type { BusUse } from './board-check.ts'
import type { BoardProfile, BoardSwitch, BoardUart, BootLines, EnabledConfig } from './board-config.ts'
import { pinsOf, referenceOf, switchList } from './board-schema.ts'
import type { Place } from './place.ts'
import { nearest } from './spelling.ts'

const NAMES: Readonly<Record<BootLines['system'], string>> = { 'raspberry-pi-os': 'Raspberry Pi OS', debian: 'Debian', jetpack: 'JetPack' }

export interface Taker {
  readonly id: string
  readonly title: string
  /** `board.enable lists`, in a sentence after "which". */
  readonly why: string
  readonly isSure: boolean
}

export class Switches {
  readonly profile: BoardProfile
  /** What is not known to be on is refused; false on the board itself, which shows what is. */
  readonly asks: boolean
  readonly #enable: readonly EnabledConfig[]
  /** Pins of what is used or on, by number. */
  readonly #takers = new Map<number, Taker>()

  constructor(profile: BoardProfile, enable: readonly EnabledConfig[], asks: boolean) {
    this.profile = profile
    this.#enable = enable
    this.asks = asks
    for (const one of switchList(profile)) {
      const enabled = enable.find((e) => e.id === one.id)
      if (enabled !== undefined) this.#take(one, `\`board.enable\` lists`, true, enabled)
      else if (this.isReplaced(one.id)) continue
      else if (this.isSurelyOn(one)) this.#take(one, 'is on by itself', true)
      else if (one.on.length > 0) this.#take(one, `is on under ${one.on.map((system) => NAMES[system]).join(' and ')}`, false)
    }
  }

  isEnabled(id: string): boolean {
    return this.#enable.some((one) => one.id === id)
  }

  /** On under every system that the profile knows. */
  isSurelyOn(one: BoardSwitch): boolean {
    return one.on.length > 0 && this.profile.systems.every((system) => one.on.includes(system))
  }

  /** Another UART that is enabled has its pins. */
  isReplaced(id: string): boolean {
    return this.profile.uarts.some((uart) => uart.replaces === id && this.isEnabled(uart.id))
  }

  takerOf(pin: number): Taker | null {
    return this.#takers.get(pin) ?? null
  }

  /** Somebody uses it, so that it is on or will be. False after a report that it is off. */
  use(one: BoardSwitch, owner: string, place: Place): boolean {
    const isOn = this.isEnabled(one.id) || this.isSurelyOn(one)
    if (!isOn) this.#take(one, `${owner} uses`, true)
    if (isOn || !this.asks) return true
    if (one.on.length > 0) {
      const off = this.profile.systems.filter((system) => !one.on.includes(system))
      place.warning(`${one.title} is off under ${off.map((system) => NAMES[system]).join(' and ')} as it is delivered`, this.howToEnable(one, off))
      return true
    }
    const belongs = 'belongsTo' in one && (one as BoardUart).belongsTo !== null ? ` belongs to ${(one as BoardUart).belongsTo}` : ' is off'
    place.problem(`${one.title} of ${this.profile.title}${belongs} until the boot files say otherwise, and \`board.enable\` does not list ${one.id}`, this.howToEnable(one, this.profile.systems))
    return false
  }

  /** Boot lines, and what to write into the configuration then. */
  howToEnable(one: BoardSwitch, systems: readonly BootLines['system'][]): string {
    const boot = one.boot.filter((way) => systems.includes(way.system))
    // Systems mostly have the line in common, and differ in what else is to be done.
    const lines = new Set(boot.filter((way) => way.lines.length > 0).map((way) => `add ${bootLinesOf(this.profile, one, way, this.#enable).join(' and ')} to ${way.file ?? 'the boot file'}`))
    const notes = boot.filter((way) => way.note !== null).map((way) => `${NAMES[way.system]}: ${way.note}`)
    const ways = lines.size === 0 ? notes.join('; ') : `${[...lines].join(', or ')}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`
    const listed = [...this.#enable.map((e) => (e.line === null ? e.id : `"${e.id}:${e.line}"`)), one.id].join(', ')
    return `${ways === '' ? 'switch it on' : ways}; then write \`board: { id: ${this.profile.id}, enable: [${listed}] }\``
  }

  #take(one: BoardSwitch, why: string, isSure: boolean, enabled: EnabledConfig = { id: one.id, line: null }): void {
    for (const pin of pinsOf(this.profile, enabled)) {
      if (this.#takers.get(pin)?.isSure !== true) this.#takers.set(pin, { id: one.id, title: one.title, why, isSure })
    }
  }
}

/** Lines of a boot file, with the line of one-wire filled in. */
export function bootLinesOf(profile: BoardProfile, one: BoardSwitch, boot: BootLines, enable: readonly EnabledConfig[]): readonly string[] {
  const word = enable.find((e) => e.id === one.id)?.line ?? null
  const usual = switchList(profile).find((s) => s.id === one.id)?.pins[0] ?? null
  const answer = word !== null ? lineOf(profile, referenceOf(word)) : usual === null ? null : lineOf(profile, { kind: 'pin', pin: usual })
  const offset = answer === null || 'problem' in answer ? null : (answer.line?.offset ?? null)
  return boot.lines.map((line) => (offset === null ? line : line.replaceAll('{offset}', String(offset))))
}

/** False after a report. */
export function checkBus(use: BusUse, switches: Switches): boolean {
  const { profile } = switches
  const bus = profile.buses.find((one) => one.id === use.bus)
  if (bus !== undefined) return switches.use(bus, use.owner, use.place)
  const kind = use.bus.replace(/-\d+$/, '')
  const known = profile.buses.filter((one) => one.kind === kind || one.id === use.bus).map((one) => one.id)
  if (kind === 'one-wire') {
    use.place.problem(`no way is known to have 1-wire at the header of ${profile.title}`, 'an adapter for USB or I²C (DS2490, DS2482) has a bus of its own: describe it in a profile of your own (`extends:` this one)')
    return false
  }
  // A multiplexer, or a chip of the board itself, has a bus that no header has.
  const near = nearest(use.bus, known)
  use.place.warning(`${profile.title} has no ${use.bus} at its header`, `${near === null ? '' : `did you mean ${near}? `}${known.length === 0 ? 'none is known' : `there are ${known.join(', ')}`}`)
  return true
}
