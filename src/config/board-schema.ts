// gateway.yaml, `board:`. What board it is, and what its boot files have switched on.
//
// `auto` asks the device tree at start; a check on another machine is told by `--board`, which holds instead of what the file says.
import { lineOf, type LineReference } from '../board/pin-map.ts'
import type { BoardConfig, BoardProfile, BoardSwitch, EnabledConfig } from './board-config.ts'
import { loadProfile, type RefusedProfile } from './board-profile.ts'
import { SWITCH_ID } from './board-profile-schema.ts'
import { clip, type Place } from './place.ts'
import { text } from './scalar.ts'
import { defaulted, list, object, Schema } from './schema.ts'
import { nearest } from './spelling.ts'

const AUTO = 'auto'

const idOrPath = text({ expected: 'auto, the name of a board, or the path of a profile with a slash' })
const enabled = text({ expected: 'a UART or bus such as uart-2, i2c-1, spi-0 or one-wire' })

const group = object({
  id: defaulted('auto, the name of a board (`sandpiper board --list`), or the path of a profile of your own.', AUTO, idOrPath),
  enable: defaulted('UARTs and buses that the boot files of the board have switched on: uart-2, i2c-1, spi-0, one-wire; one-wire:GPIO22 for another line than usual.', [], list(enabled)),
})

export const board: Schema<BoardConfig> = new Schema<BoardConfig>(idOrPath.expected, { anyOf: [idOrPath.json, group.json] }, (place) => {
  const isGroup = place.tree.kind === 'map'
  const said = isGroup ? group.check(place) : idOrPath.check(place)
  if (said === undefined) return undefined
  const { id, enable } = typeof said === 'string' ? { id: said, enable: [] } : said
  const { given, detected } = place.run.board
  const name = given ?? (id === AUTO ? detected : id)
  const profile = name === null ? null : profileOf(name, isGroup && place.has('id') ? place.key('id') : place)
  if (profile === undefined) return undefined
  const switches = switchesOf(enable, profile, place)
  return switches === undefined ? undefined : { profile, enable: switches }
})

/** The profile is that of this machine, whose kernel shows itself what is on. `place` is that of the file. */
export function isDetected(place: Place): boolean {
  const { given, detected } = place.run.board
  const at = place.has('board') ? place.key('board') : null
  const id = at === null ? AUTO : at.tree.kind !== 'map' ? at.tree : at.has('id') ? at.key('id').tree : AUTO
  return given === null && detected !== null && (id === AUTO || (id.kind === 'scalar' && id.value === AUTO))
}

function profileOf(name: string, place: Place): BoardProfile | undefined {
  const loaded = loadProfile(name, place.run.folder)
  if ('problems' in loaded) return refuse(loaded, place)
  for (const file of loaded.files) place.run.files.add(file)
  return loaded.profile
}

function refuse({ problems, file, isUnknown }: RefusedProfile, place: Place): undefined {
  const { message, hint, line, column } = problems[0]!
  if (isUnknown) return place.problem(message, hint)
  return place.problem(`the profile has a mistake at ${file}:${line}:${column}: ${message}`, problems.length === 1 ? hint : `${hint} (and ${problems.length - 1} more)`)
}

/** `one-wire:GPIO22` → the words of it. */
function switchesOf(enable: readonly string[], profile: BoardProfile | null, place: Place): readonly EnabledConfig[] | undefined {
  const switches: EnabledConfig[] = []
  let valid = true
  enable.forEach((word, i) => {
    const at = place.key('enable').item(i)
    const colon = word.indexOf(':')
    const one = { id: colon < 0 ? word : word.slice(0, colon), line: colon < 0 ? null : word.slice(colon + 1).trim() }
    const problem = switchProblem(one, profile)
    if (problem !== null) {
      at.problem(...problem)
      valid = false
    } else if (switches.some((other) => other.id === one.id)) {
      at.problem(`${one.id} is listed twice`, 'once is enough')
      valid = false
    }
    switches.push(one)
  })
  if (valid && profile !== null) valid = checkShared(switches, profile, place)
  return valid ? switches : undefined
}

function switchProblem({ id, line }: EnabledConfig, profile: BoardProfile | null): readonly [message: string, hint: string] | null {
  if (!SWITCH_ID.test(id)) return [`"${clip(id)}" is no UART and no bus`, 'write for example uart-2, i2c-1, spi-0 or one-wire']
  if (line !== null && id !== 'one-wire') return [`the lines of ${id} are fixed`, `write ${id} alone: only one-wire can be at another line`]
  if (profile === null || profile.isOpen) return null
  const known = switchList(profile)
  if (!known.some((one) => one.id === id)) {
    const ids = known.map((one) => one.id)
    const near = nearest(id, ids)
    return [`${profile.title} has no ${id}`, `${near === null ? '' : `did you mean ${near}? `}it has ${ids.join(', ')}`]
  }
  if (line === null) return null
  const answer = lineOf(profile, referenceOf(line))
  return 'problem' in answer ? [answer.problem, answer.hint] : null
}

/** Two that are on cannot have a pin in common. */
function checkShared(enable: readonly EnabledConfig[], profile: BoardProfile, place: Place): boolean {
  const owners = new Map<number, string>()
  let valid = true
  enable.forEach(({ id, line }, i) => {
    for (const pin of pinsOf(profile, { id, line })) {
      const other = owners.get(pin)
      if (other !== undefined) {
        place.key('enable').item(i).problem(`${id} and ${other} are both at pin ${pin} of ${profile.title}`, 'enable one of them')
        valid = false
        return
      }
      owners.set(pin, id)
    }
  })
  return valid
}

export function switchList(profile: BoardProfile): readonly (BoardSwitch & { readonly pins: readonly number[]; readonly devices: readonly string[] })[] {
  return [...profile.uarts, ...profile.buses]
}

/** Pins that a UART or bus takes when it is on. */
export function pinsOf(profile: BoardProfile, { id, line }: EnabledConfig): readonly number[] {
  if (line === null) return switchList(profile).find((one) => one.id === id)?.pins ?? []
  const answer = lineOf(profile, referenceOf(line))
  return 'problem' in answer || answer.pin === null ? [] : [answer.pin.pin]
}

/** `GPIO17`, `pin 11` or `pinctrl-rp1:17`, as text. */
export function referenceOf(word: string): LineReference {
  const pin = /^pin ?(\d{1,3})$/i.exec(word)?.[1]
  if (pin !== undefined) return { kind: 'pin', pin: Number(pin) }
  const chip = /^(\S+):(\d{1,4})$/.exec(word)
  return chip === null ? { kind: 'name', name: word } : { kind: 'chip', label: chip[1]!, offset: Number(chip[2]) }
}
