// What somebody who helps has to know, as one .tar.gz of text files: how everything is, the log, the configuration without its secrets, what the doctor says.
//
// What is always true
//   1. No secret of the configuration is in it: of a configuration only what redacted shows.
//   2. It has BUNDLE_BYTES_MAX bytes at most. What is longer than its share is cut, and says so; of the log the end stays.
//   3. What cannot be had is left out and named in README.txt: a gateway that does not run is why most bundles are made.
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { redacted } from '../config/redacted.ts'
import { tarBytes, tarOf } from '../tar.ts'
import { examine } from './doctor.ts'
import type { Finding } from './finding.ts'
import type { Ask } from './gateway-view.ts'
import { machineFacts } from './machine-facts.ts'
import type { Patient } from './patient.ts'

/** Of the finished file. Text that does not compress at all grows by less than the difference to UNPACKED_BYTES_MAX. */
export const BUNDLE_BYTES_MAX = 1_000_000
const UNPACKED_BYTES_MAX = 990_000
/** With its header, and the archive's end. */
const README_BYTES_MAX = 20_000
/** A smaller piece of a file says nothing. */
const LEFT_BYTES_MIN = 4096
const LOG_BYTES_MAX = 250_000
const LOG_LINES = 1000

export interface BundleSources {
  readonly patient: Patient
  readonly version: string
  /** The API of the gateway that runs; null where none does. A path that it has not is refused. */
  readonly ask: Ask | null
  /** Texts of configurations, by the names of their files in the bundle. */
  readonly configurations: Readonly<Record<string, string>>
  /** Lines of the log, where no gateway can be asked for them. */
  readonly journal: () => Promise<string>
  /** What the board is and has, as JSON. */
  readonly board: () => Promise<string>
}

interface Part {
  readonly name: string
  readonly what: string
  readonly bytesMax: number
  /** Of the log the newest lines are worth most. */
  readonly keeps?: 'end'
  readonly make: () => Promise<string>
}

/** The API's answers that are taken as they are. */
const ANSWERS: Readonly<Record<string, readonly [path: string, what: string]>> = {
  'status.json': ['/status', 'the gateway in one look: clients, sessions, store, uplinks, sensors'],
  'uplinks.json': ['/uplinks', 'uplinks, what waits, what was spent'],
  'sensors.json': ['/sensors', 'sensors and what was skipped of what they said'],
  'outputs.json': ['/outputs', 'outputs'],
  'alarms.json': ['/alarms', 'what is wrong by the gateway’s own account'],
  'update.json': ['/update', 'what is installed, and what became of the last update'],
}

export async function makeBundle(sources: BundleSources): Promise<Buffer> {
  const { patient, version } = sources
  const atMs = patient.clock.wall()
  const parts = partsOf(sources)
  const texts = await Promise.all(parts.map(async ({ make }) => make().catch((error: Error) => error)))
  const files: { name: string; bytes: Buffer }[] = []
  const missing: string[] = []
  let left = UNPACKED_BYTES_MAX - README_BYTES_MAX
  for (const [i, { name, bytesMax, keeps }] of parts.entries()) {
    const text = texts[i]!
    if (text instanceof Error) {
      missing.push(`${name}: ${text.message}`)
      continue
    }
    if (left < LEFT_BYTES_MIN) {
      missing.push(`${name}: there was no room left`)
      continue
    }
    const bytes = cut(Buffer.from(text, 'utf8'), Math.min(bytesMax, left), keeps === 'end')
    left -= tarBytes([bytes.length])
    files.push({ name, bytes })
  }
  const readme = cut(Buffer.from(readmeText(version, atMs, parts.filter(({ name }) => files.some((file) => file.name === name)), missing), 'utf8'), README_BYTES_MAX - 2048, false)
  const folder = `sandpiper-support-${new Date(atMs).toISOString().slice(0, 10)}`
  return promisify(gzip)(tarOf([{ name: 'README.txt', bytes: readme }, ...files].map(({ name, bytes }) => ({ name: `${folder}/${name}`, bytes })), atMs))
}

/** In the order of their worth: what comes last is cut first. */
function partsOf({ patient, ask, configurations, journal, board }: BundleSources): readonly Part[] {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`
  const asked = async (path: string): Promise<unknown> => {
    if (ask === null) throw new Error('no gateway runs')
    return ask(path)
  }
  return [
    { name: 'findings.txt', what: 'what `sandpiper doctor` says', bytesMax: 40_000, make: async () => findingsPage(await examine(patient)) },
    ...Object.entries(configurations).map(([name, text]) => ({ name, what: 'the configuration; secrets, comments and what no schema knows are left out', bytesMax: 100_000, make: async () => shownConfiguration(text) })),
    { name: 'log.txt', what: 'the last lines of the log', bytesMax: LOG_BYTES_MAX, keeps: 'end', make: async () => (ask === null ? journal() : logPage(await asked(`/log?limit=${LOG_LINES}&level=info`))) },
    ...Object.entries(ANSWERS).map(([name, [path, what]]) => ({ name, what, bytesMax: 80_000, make: async () => json(await asked(path)) })),
    { name: 'machine.txt', what: 'kernel, memory, file systems, network', bytesMax: 20_000, make: async () => machineFacts(patient) },
    { name: 'board.json', what: 'what `sandpiper board` says', bytesMax: 80_000, make: board },
    { name: 'metrics.txt', what: 'all figures, as Prometheus reads them', bytesMax: 120_000, make: async () => (await asked('/metrics')) as string },
  ]
}

function shownConfiguration(text: string): string {
  const shown = redacted(text)
  return shown ?? '# This file is not YAML, so nobody can say what in it is a secret: its text is left out. findings.txt has its mistakes.\n'
}

function findingsPage(findings: readonly Finding[]): string {
  return findings.map(({ name, verdict, what, hint }) => `${verdict}  ${name}: ${what}\n${hint === null ? '' : `    ${hint}\n`}`).join('')
}

interface LogAnswer {
  readonly lines: readonly { readonly at: string; readonly level: string; readonly text: string; readonly fields: Readonly<Record<string, unknown>> }[]
}

function logPage(answer: unknown): string {
  return (answer as LogAnswer).lines.map(({ at, level, text, fields }) => `${at} ${level.padEnd(5)} ${text}${Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`}\n`).join('')
}

function readmeText(version: string, atMs: number, parts: readonly Part[], missing: readonly string[]): string {
  const width = Math.max(...parts.map(({ name }) => name.length)) + 2
  return [
    `Sandpiper ${version}, ${new Date(atMs).toISOString()} by this machine's clock.`,
    '',
    'Passwords, keys and tokens of the configuration are not in here. Names of clients, topics, addresses and the last payload of each sensor are:',
    'look through it before you give it to somebody.',
    '',
    ...parts.map(({ name, what }) => `${name.padEnd(width)}${what}`),
    ...(missing.length === 0 ? [] : ['', 'Not there:', ...missing.map((line) => `  ${line}`)]),
    '',
  ].join('\n')
}

/** At a line's end where one is near, else between two characters; with a line that says how much is not there. */
function cut(bytes: Buffer, bytesMax: number, keepsEnd: boolean): Buffer {
  if (bytes.length <= bytesMax) return bytes
  const mark = Buffer.from(`… ${bytes.length} bytes in all, the rest was left out …\n`, 'utf8')
  const room = Math.max(0, bytesMax - mark.length - 1)
  if (keepsEnd) {
    const line = bytes.indexOf(LINE_FEED, bytes.length - room) + 1
    return Buffer.concat([mark, bytes.subarray(line > 0 && line < bytes.length - room / 2 ? line : between(bytes, bytes.length - room, 1))])
  }
  const line = bytes.lastIndexOf(LINE_FEED, room - 1) + 1
  return line > room / 2 ? Buffer.concat([bytes.subarray(0, line), mark]) : Buffer.concat([bytes.subarray(0, between(bytes, room, -1)), Buffer.from('\n'), mark])
}

const LINE_FEED = 0x0a

/** The next place in this direction where a character of UTF-8 begins. */
function between(bytes: Buffer, at: number, step: 1 | -1): number {
  let place = at
  while (place > 0 && place < bytes.length && (bytes[place]! & 0xc0) === 0x80) place += step
  return place
}
