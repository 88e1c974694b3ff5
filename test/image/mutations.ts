// What becomes of a gateway.yaml in the hands of people, editors and worn cards: from good files and a seed, damaged ones without end. Each says what was
// done to it, so that a finding can be told in a sentence.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { Random as Seeded } from '../sim/random.ts'

/** Bytes of the file; or a folder stands in its place, or there is none. */
export type Damaged = { readonly how: string } & ({ readonly kind: 'file'; readonly bytes: Buffer } | { readonly kind: 'folder' } | { readonly kind: 'missing' })

const BASIC = `# a site
site: well-07
access: { users: [{ name: device, password: "open sesame" }] }
broker:
  listeners:
    - { port: 1883, host: "::" }
`

const FULL = `site: well-07
hostname: pump-house
access:
  users:
    - { name: device, password: "open sesame", roles: [meter] }
    - { name: operator, password: 'another "one"' }
  rules:
    - { allow: publish, topic: "sensors/{clientId}/#" }
    - { allow: all, topic: "#", users: [operator] }
broker:
  listeners:
    - { port: 1883, host: 0.0.0.0 }
    - { port: 1884, host: 127.0.0.1, websocket: true }
  maxPacketSize: 256kB
store: { maxSize: 1GB, commitWindow: 60ms }
network:
  country: DE
  ethernet:
    - { address: 192.168.1.20/24, gateway: 192.168.1.1, dns: [192.168.1.1] }
  wifi:
    - { ssid: "Pump house", password: "correct horse" }
    - { ssid: open }
  modems:
    - { name: lte, apn: internet, pin: "0123" }
  dialup:
    - { name: sat, device: /dev/ttyUSB0, number: "008816000025" }
time: { servers: [192.168.1.1, pool.ntp.org], step: start }
ssh:
  keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAFdW9vkGJWY3kpYLBHqHOmdBC8gfBu2SCKyRvAvXRW8 site
sensors:
  - { name: tank, simulate: { kind: sine, every: 1s }, topic: sensors/tank }
uplinks:
  - name: cloud
    url: mqtts://broker.example.com
    clientId: "{site}"
    username: "{site}"
    password: "of the broker"
    routes:
      - { out: "sensors/#", as: "sites/{site}/#" }
    links:
      - { name: lte, dial: { modem: lte }, budget: { month: 100MB } }
      - { name: satellite, dial: { pppd: sat }, connect: { when: { queued: 100 } } }
`

export const GOOD_FILES: readonly string[] = [BASIC, FULL]

const WORDS = ['true', 'null', '-1', '1e999', '{}', '[]', '[[', '{{', '"', "'", '*a', '&a', '!!binary x', '%', '@', '`', '|', '>', '<<: *a', '\u0000', '\u2028', '0x', '~', '- -', '? ', '#', ': ', '99999999999999999999', '../../etc', '/dev/zero', 'NaN', 'ü'.repeat(50)]

type Random = (below: number) => number
type Mutation = (text: string, random: Random) => Buffer | 'folder' | 'missing'

const pick = <T>(all: readonly T[], random: Random): T => all[random(all.length)]!

function lineEdit(edit: (lines: string[], random: Random) => void): Mutation {
  return (text, random) => {
    const lines = text.split('\n')
    edit(lines, random)
    return Buffer.from(lines.join('\n'))
  }
}

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'as it was': (text) => Buffer.from(text),
  'bytes flipped'(text, random) {
    const bytes = Buffer.from(text)
    for (let n = 1 + random(5); n > 0; n--) bytes[random(bytes.length)]! ^= 1 << random(8)
    return bytes
  },
  'cut off': (text, random) => Buffer.from(text).subarray(0, random(text.length)),
  'a block of zeros'(text, random) {
    const bytes = Buffer.from(text)
    const at = random(bytes.length)
    return bytes.fill(0, at, Math.min(bytes.length, at + 512))
  },
  'a block of another file'(text, random) {
    const bytes = Buffer.from(text)
    for (let at = random(bytes.length), end = at + 512; at < Math.min(end, bytes.length); at++) bytes[at] = random(256)
    return bytes
  },
  'Windows line ends': (text) => Buffer.from(text.replaceAll('\n', '\r\n')),
  'line ends of an old Mac': (text) => Buffer.from(text.replaceAll('\n', '\r')),
  'a byte order mark': (text) => Buffer.from(`\uFEFF${text}`),
  'UTF-16': (text, random) => (random(2) === 0 ? Buffer.from(`\uFEFF${text}`, 'utf16le') : Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()),
  'Latin-1': (text) => Buffer.from(text.replace('site', 'söte'), 'latin1'),
  tabs: lineEdit((lines, random) => {
    const at = random(lines.length)
    lines[at] = lines[at]!.replace(/^ +/, (blanks) => '\t'.repeat(Math.ceil(blanks.length / 2)))
  }),
  'indented otherwise': lineEdit((lines, random) => {
    const at = random(lines.length)
    lines[at] = random(2) === 0 ? ` ${lines[at]}` : lines[at]!.replace(/^ /, '')
  }),
  'a line twice': lineEdit((lines, random) => {
    const at = random(lines.length)
    lines.splice(at, 0, lines[at]!)
  }),
  'a line missing': lineEdit((lines, random) => void lines.splice(random(lines.length), 1)),
  'two lines exchanged': lineEdit((lines, random) => {
    const [a, b] = [random(lines.length), random(lines.length)]
    ;[lines[a], lines[b]] = [lines[b]!, lines[a]!]
  }),
  'another value': lineEdit((lines, random) => {
    const at = random(lines.length)
    lines[at] = lines[at]!.replace(/: .*$/, () => `: ${pick(WORDS, random)}`)
  }),
  'a word in between'(text, random) {
    const at = random(text.length)
    return Buffer.from(text.slice(0, at) + pick(WORDS, random) + text.slice(at))
  },
  'a letter exchanged'(text, random) {
    const at = random(text.length)
    return Buffer.from(`${text.slice(0, at)}${String.fromCharCode(32 + random(95))}${text.slice(at + 1)}`)
  },
  'a key mistyped': (text, random) => Buffer.from(text.replace(new RegExp(`\\b${pick(['site', 'listeners', 'port', 'network', 'wifi', 'uplinks', 'routes', 'ssid'], random)}(?=:)`), (key) => key.slice(1))),
  'typographic quotes': (text) => Buffer.from(text.replaceAll('"', '“')),
  'blanks that do not break': (text) => Buffer.from(text.replaceAll('  ', '\u00A0 ')),
  empty: () => Buffer.alloc(0),
  'only blanks': () => Buffer.from(' \n\n\t\n'),
  'only a comment': () => Buffer.from('# site: a\n'),
  'a web page': () => Buffer.from('<!DOCTYPE html>\n<html><body>404</body></html>\n'),
  'a megabyte of garbage'(_, random) {
    const bytes = Buffer.alloc(1_000_000)
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(random(0x7fffffff), at)
    return bytes
  },
  'a megabyte of brackets': () => Buffer.alloc(1_000_000, '['),
  'larger than any': (text) => Buffer.concat([Buffer.from(text), Buffer.alloc(1_500_000, '#')]),
  'many aliases': (text) => Buffer.from(`${text}log: &a { level: info }\nx: [${'*a, '.repeat(2000)}]\n`),
  'a folder': () => 'folder',
  'no file': () => 'missing',
}

/** The same for the same seed. */
export function* damagedFiles(seed: number, count: number): Generator<Damaged> {
  const seeded = new Seeded(seed)
  const random: Random = (below) => seeded.int(0, below - 1)
  const names = Object.keys(MUTATIONS)
  for (let n = 0; n < count; n++) {
    const how = names[n % names.length]!
    const file = random(GOOD_FILES.length)
    const result = MUTATIONS[how]!(GOOD_FILES[file]!, random)
    const said = `${how} (file ${file}, number ${n} of seed ${seed})`
    yield typeof result === 'string' ? { how: said, kind: result } : { how: said, kind: 'file', bytes: result }
  }
}

/** Puts it where a gateway looks for its file; what stood there goes. */
export function place(damaged: Damaged, path: string): void {
  rmSync(path, { recursive: true, force: true })
  if (damaged.kind === 'file') writeFileSync(path, damaged.bytes)
  if (damaged.kind === 'folder') mkdirSync(path)
}
