// gateway.yaml, `dial:` of a link: what brings the line up and takes it down. Of four kinds, told by their first key.
import { isAbsolute, join } from 'node:path'
import type { DialConfig } from './config.ts'
import { clip, type Place } from './place.ts'
import { boolean, duration, size, text } from './scalar.ts'
import { byKey, defaulted, list, object, optional, required, Schema } from './schema.ts'

const HOUR_MS = 3_600_000
const GB = 1_000_000_000

/** What every kind has. */
const attempt = {
  timeout: defaulted('For the line to come up. After that the attempt is broken off.', '60s', duration(1000, HOUR_MS)),
  maxCost: optional('Bytes that one attempt may cost until the remote broker has answered; it is broken off then. Left out: no limit.', size(1000, GB)),
} as const

function bounds({ timeout, maxCost }: { readonly timeout: number; readonly maxCost: number | null }): { readonly timeoutMs: number; readonly attemptBytesMax: number } {
  return { timeoutMs: timeout, attemptBytesMax: maxCost ?? Infinity }
}

/** IFNAMSIZ of the kernel is 16, with its zero byte. */
export function interfaceName(): Schema<string> {
  return text({ expected: 'the name of a network interface', pattern: /^(?!\.{1,2}$)[^\s/:]{1,15}$/, hint: 'write for example wwan0: `ip link` lists them' })
}

const words = list(text({ expected: 'text', empty: true }), { min: 1 })

// A line of words would have to be cut at its blanks, and nobody could say where a file name with a blank ends.
const argumentList: Schema<readonly string[]> = new Schema('a list: the program, and each argument by itself', words.json, (place) => {
  const { tree } = place
  if (tree.kind === 'scalar' && typeof tree.value === 'string') {
    const items = tree.value.trim().split(/\s+/).map((word) => JSON.stringify(word)).join(', ')
    return place.problem(`${place.name} must be a list, found the text "${clip(tree.value)}"`, `no shell reads it: write each argument by itself, perhaps [${items.length <= 120 ? items : '…'}]`)
  }
  return words.check(place)
}).into(programFirst)

// A program with a path starts from the configuration's folder, as every other file there; one without is searched in PATH.
function programFirst(argv: readonly string[], place: Place): readonly string[] | undefined {
  const [program, ...rest] = argv as [string, ...string[]]
  if (program === '') return place.item(0).problem('the program is empty', 'write its name or its path')
  if (/\s/.test(program) && rest.length === 0) {
    return place.item(0).problem(`there is no program "${clip(program)}"`, 'no shell reads it: write each argument as an item of its own')
  }
  return program.includes('/') && !isAbsolute(program) ? [join(place.run.folder, program), ...rest] : argv
}

const command = object({
  command: required('Program that brings the line up, and its arguments: a list. No shell reads it.', argumentList),
  down: optional('Program that takes the line down, and its arguments. It runs after failed attempts too.', argumentList),
  stays: defaulted(
    'false: the line is up when the program ends with exit code 0. true: it runs as long as the line is up, which it tells by the interface, or without one by printing READY=1.',
    false,
    boolean(),
  ),
  interface: optional('Network interface that the program brings up. The line is up when it has an address, and lost when it has none any more.', interfaceName()),
  ...attempt,
}).into((d): DialConfig => ({ kind: 'command', up: d.command, down: d.down, stays: d.stays, interface: d.interface, ...bounds(d) }))

const pppd = object({
  pppd: required(
    'Peer of pppd: a file in /etc/ppp/peers.',
    // pppd itself takes no name with / at its start or .. in it; what it would take for an option is no name either.
    text({ expected: 'the name of a peer of pppd', pattern: /^(?!-)(?!.*\.\.)[A-Za-z0-9._-]{1,64}$/, hint: 'write the name of a file in /etc/ppp/peers, without its path' }),
  ),
  ...attempt,
}).into((d): DialConfig => ({ kind: 'pppd', peer: d.pppd, ...bounds(d) }))

const modem = object({
  modem: required('Connection of NetworkManager that ModemManager dials: its name, as `nmcli connection show` lists it.', text({ expected: 'the name of a connection of NetworkManager' })),
  ...attempt,
}).into((d): DialConfig => ({ kind: 'modem', connection: d.modem, ...bounds(d) }))

const switched = object({
  interface: required('Network interface that is switched on to dial and off to hang up.', interfaceName()),
  wait: defaulted('It is not switched, only waited for: something else brings it up.', false, boolean()),
  ...attempt,
}).into((d): DialConfig => ({ kind: 'interface', interface: d.interface, waits: d.wait, ...bounds(d) }))

const kinds = byKey('a way to dial', { pppd, modem, interface: switched, command })

// `interface` is a kind of its own, and may also stand beside `command`.
export const dial: Schema<DialConfig> = new Schema<DialConfig>(kinds.expected, kinds.json, (place) => {
  const { tree } = place
  const named = tree.kind === 'map' && tree.entries.has('command')
  const others = tree.kind === 'map' && (tree.entries.has('pppd') || tree.entries.has('modem'))
  return named && !others ? command.check(place) : kinds.check(place)
})
