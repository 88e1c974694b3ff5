// The files of a profile, put together: what is said nearest to the board holds. Groups with names (chips, pins, UARTs, buses) are taken
// over entry by entry, and everything else as a whole. Then the whole is checked: nothing may name what is not there.
import { keyOf, type BoardChip, type BoardPin } from '../board/pin-map.ts'
import type { BoardBus, BoardProfile, BoardSwitch, BoardSystem, BoardUart, BootLines } from './board-config.ts'
import type { DraftBoot, DraftPin, ProfileDraft } from './board-profile-schema.ts'
import { clip, type Place } from './place.ts'

export interface ProfileFile {
  readonly path: string
  readonly draft: ProfileDraft
  /** Of the file as a whole. */
  readonly place: Place
}

/** `chain`: the board's own file first. Reports at the places of the files and answers undefined when something does not fit. */
export function putTogether(chain: readonly ProfileFile[]): BoardProfile | undefined {
  return new Merge(chain).profile()
}

type UartDraft = Extract<Exclude<ProfileDraft['uarts'], null>[number][1], object>
type BusDraft = Extract<Exclude<ProfileDraft['buses'], null>[number][1], object>

class Merge {
  readonly #chain: readonly ProfileFile[]
  #valid = true

  constructor(chain: readonly ProfileFile[]) {
    this.#chain = chain
  }

  profile(): BoardProfile | undefined {
    const { draft, place } = this.#chain[0]!
    const title = this.#nearest('title')
    if (title === null) this.#refuse(place, '`title` is missing', 'name the board, or extend a profile that has a title')
    const chips = this.#chips()
    const pins = this.#pins(chips)
    const profile: BoardProfile = {
      id: draft.id,
      title: title ?? draft.id,
      // What a board is told by is never taken over.
      compatible: draft.compatible ?? [],
      models: draft.models ?? [],
      systems: this.#nearest('systems') ?? [],
      isOpen: this.#nearest('open') ?? false,
      chips,
      pins,
      uarts: this.#uarts(pins),
      buses: this.#buses(pins),
      aliases: this.#entries((d) => d.aliases).map(([device, uarts]) => ({ device, uarts })),
      leds: this.#nearest('leds') ?? [],
      watchdog: watchdogOf(this.#nearest('watchdog')),
      thermal: thermalOf(this.#nearest('thermal')),
    }
    this.#checkNames(profile)
    return this.#valid ? profile : undefined
  }

  #refuse(place: Place, message: string, hint: string): void {
    place.problem(message, hint)
    this.#valid = false
  }

  #unknown(place: Place, what: string, word: string, known: readonly string[]): void {
    this.#refuse(place, `there is no ${what} "${clip(word)}" in this profile`, known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`)
  }

  #nearest<K extends keyof ProfileDraft>(key: K): ProfileDraft[K] | null {
    return this.#chain.find((file) => file.draft[key] !== null)?.draft[key] ?? null
  }

  /** Entries of a group over all files, those of the board's own file last; null takes one away. */
  #entries<T>(of: (draft: ProfileDraft) => readonly (readonly [string, T | null])[] | null): [string, T][] {
    const merged = new Map<string, T>()
    for (const { draft } of this.#chain.toReversed()) {
      for (const [key, value] of of(draft) ?? []) {
        if (value === null) merged.delete(key)
        else merged.set(key, value)
      }
    }
    return [...merged]
  }

  /** Where something was said: in the nearest file that says it. */
  #at(...path: readonly string[]): Place {
    for (const file of this.#chain) {
      let place = file.place
      let found = true
      for (const key of path) {
        found &&= place.has(key)
        place = place.key(key)
      }
      if (found) return place
    }
    return this.#chain[0]!.place
  }

  #chips(): BoardChip[] {
    return this.#entries((d) => d.chips).map(([label, chip]) => ({ label, ...chip }))
  }

  #pins(chips: readonly BoardChip[]): BoardPin[] {
    const chip = this.#chain.find((file) => (file.draft.header?.chip ?? null) !== null)?.draft.header?.chip ?? null
    const pins = this.#entries<DraftPin>((d) => d.header?.pins ?? null).map(([number, draft]) => this.#pin(Number(number), draft, chip))
    pins.sort((a, b) => a.pin - b.pin)
    const names = new Map<string, number>()
    const lines = new Map<string, number>()
    for (const pin of pins) {
      if (pin.line === null) continue
      const at = this.#at('header', 'pins', String(pin.pin))
      const known = chips.find((c) => c.label === pin.line!.chip)
      if (known === undefined) this.#unknown(at, 'GPIO chip', pin.line.chip, chips.map((c) => c.label))
      else if (pin.line.offset >= known.lines) this.#refuse(at, `${known.label} has ${known.lines} lines, and line ${pin.line.offset} is none of them`, `write 0 to ${known.lines - 1}`)
      const twice = lines.get(keyOf(pin.line))
      if (twice !== undefined) this.#refuse(at, `line ${keyOf(pin.line)} is pin ${twice} already`, 'a line has one pin')
      lines.set(keyOf(pin.line), pin.pin)
      for (const name of [pin.name, ...pin.also]) {
        const other = names.get(name)
        if (other !== undefined) this.#refuse(at, `pin ${other} is called ${name}, too`, 'a name means one line')
        names.set(name, pin.pin)
      }
    }
    return pins
  }

  #pin(pin: number, draft: DraftPin, headerChip: string | null): BoardPin {
    if ('supply' in draft) {
      return { pin, name: draft.supply, kind: draft.supply === 'GND' ? 'ground' : 'power', line: null, also: [], label: null, use: null, fixedPull: null, only: null }
    }
    const { name, line, chip, also, ...rest } = draft.line
    const label = chip ?? headerChip
    if (line !== null && label === null) this.#refuse(this.#at('header', 'pins', String(pin)), `pin ${pin} has a line of no chip`, 'name the chip of the header: `header: { chip: … }`')
    return { pin, name, kind: line === null ? 'other' : 'line', line: line === null || label === null ? null : { chip: label, offset: line }, also: also ?? [], ...rest }
  }

  #switch(group: 'uarts' | 'buses', id: string, draft: UartDraft | BusDraft, pins: readonly BoardPin[]): BoardSwitch & { readonly devices: readonly string[]; readonly pins: readonly number[] } {
    for (const number of draft.pins ?? []) {
      if (!pins.some((pin) => pin.pin === number)) this.#unknown(this.#at(group, id, 'pins'), 'pin', String(number), [])
    }
    const files = new Map(this.#entries((d) => d.bootFiles))
    const boot = (draft.boot ?? []).map(([system, lines]) => bootOf(system, lines, files.get(system) ?? null))
    return { id, title: draft.title ?? id, on: draft.on ?? [], boot, devices: draft.devices ?? [], pins: draft.pins ?? [] }
  }

  #uarts(pins: readonly BoardPin[]): BoardUart[] {
    const drafts = this.#entries((d) => d.uarts)
    return drafts.map(([id, draft]) => {
      if (draft.replaces !== null && !drafts.some(([other]) => other === draft.replaces)) {
        this.#unknown(this.#at('uarts', id, 'replaces'), 'UART', draft.replaces, drafts.map(([other]) => other))
      }
      return {
        ...this.#switch('uarts', id, draft, pins),
        parity: draft.parity ?? true,
        twoStopBits: draft.twoStopBits ?? true,
        detectsBreak: draft.detectsBreak ?? true,
        baudMax: draft.maxBaud,
        consoles: (draft.console ?? []).map(([system, takeAway]) => ({ system, takeAway })),
        belongsTo: draft.belongsTo,
        replaces: draft.replaces,
      }
    })
  }

  #buses(pins: readonly BoardPin[]): BoardBus[] {
    return this.#entries((d) => d.buses).map(([id, draft]) => {
      if (draft.kind === null) this.#refuse(this.#at('buses', id), `the bus ${id} has no \`kind\``, 'write kind: i2c, spi or one-wire')
      return { ...this.#switch('buses', id, draft, pins), kind: draft.kind ?? 'i2c' }
    })
  }

  #checkNames(profile: BoardProfile): void {
    const ids = profile.uarts.map((uart) => uart.id)
    for (const { device, uarts } of profile.aliases) {
      for (const id of uarts) if (!ids.includes(id)) this.#unknown(this.#at('aliases', device), 'UART', id, ids)
    }
    const twice = profile.buses.find((bus) => ids.includes(bus.id))
    if (twice !== undefined) this.#refuse(this.#at('buses', twice.id), `${twice.id} is a UART already`, 'give each UART and bus a name of its own')
  }
}

function bootOf(system: BoardSystem, { lines, note }: DraftBoot, file: string | null): BootLines {
  return { system, file: lines.length === 0 ? null : file, lines, note }
}

function watchdogOf(draft: ProfileDraft['watchdog']): BoardProfile['watchdog'] {
  return draft === null ? null : { device: draft.device, secMax: draft.maxSec }
}

function thermalOf(draft: ProfileDraft['thermal']): BoardProfile['thermal'] {
  return draft === null ? null : { zone: draft.zone, throttleC: draft.throttle, shutdownC: draft.shutdown }
}
