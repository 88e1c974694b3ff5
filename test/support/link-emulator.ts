// A bad link on this machine, for tests (import { LinkEmulator }) and from the command line: node test/support/link-emulator.ts --help
//
// The rules are in link/emulator.ts.
import { parseArgs } from 'node:util'
import type { CutBy } from './link/connection.ts'
import { type DownKind, LinkEmulator, type LinkOptions } from './link/emulator.ts'

export * from './link/emulator.ts'

const HELP = `node test/support/link-emulator.ts --to HOST:PORT [--listen HOST:PORT] [what the link is like]

  --to HOST:PORT          where connections go
  --listen HOST:PORT      where they come from; default 127.0.0.1:0, a free port, which is printed
  --bps RATE[/RATE]       bits per second on the wire, up and down: 9600, 64k, 1M; default no bound
  --rtt TIME              round trip, half of it each way: 600ms
  --jitter TIME           each segment comes up to so much later; none overtakes another
  --queue SIZE            waits in front of each line at most; default what it carries in one round trip, 16kB at least
  --cut-rate CHANCE/UNIT  connections are cut so often: 0.3/s (of their life), 2/MB (that passes), or both with a comma between
  --cut-by WAY            reset (default), end (FIN), or silent: half open, both ends think that it is there
  --flap UP/DOWN          the link is up and down so long, in turn: 60s/5s
  --flap-random           so long on average
  --flap-by WAY           refused (default): connections are reset and refused; silent: what was sent waits
  --black-hole            connections are taken and never answered
  --seed N                of cuts and flaps; default 1

Prints the port, counters as one line of JSON at SIGUSR1, and once more at the end (SIGINT, SIGTERM).`

class UsageError extends Error {}

function bad(option: string, example: string): never {
  throw new UsageError(`--${option}: write for example ${example}`)
}

/** A number with one of `units` behind it, in the smallest of them. */
function amount(text: string, units: Readonly<Record<string, number>>, option: string, example: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (digits === '' || factor === undefined) bad(option, example)
  return Number(digits) * factor
}

const time = (text: string, option: string): number => amount(text, { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }, option, '600ms')
const rate = (text: string): number => amount(text, { '': 1, k: 1000, M: 1e6 }, 'bps', '9600, or 1M/256k')

function address(text: string, option: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? []
  if (host === '' || Number(port) > 65_535) bad(option, '127.0.0.1:1883')
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

function oneOf<T extends string>(text: string, words: readonly T[], option: string): T {
  return words.find((word) => word === text) ?? bad(option, words.join(', '))
}

function cutRates(text: string): { perSec?: number; perMillionBytes?: number } {
  const rates: { perSec?: number; perMillionBytes?: number } = {}
  for (const part of text.split(',')) {
    const [, digits, unit] = /^(\d+(?:\.\d+)?)\/(s|MB)$/.exec(part) ?? bad('cut-rate', '0.3/s')
    rates[unit === 's' ? 'perSec' : 'perMillionBytes'] = Number(digits)
  }
  return rates
}

/** What the arguments ask for; null when they ask for help. Throws UsageError. */
export function linkOptionsOf(args: readonly string[]): LinkOptions | null {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values: v } = parseArgs({
    args: [...args],
    options: {
      to: text, listen: text, bps: text, rtt: text, jitter: text, queue: text, 'cut-rate': text, 'cut-by': text,
      flap: text, 'flap-random': flag, 'flap-by': text, 'black-hole': flag, seed: text, help: flag,
    },
  })
  if (v.help === true) return null
  if (v.to === undefined) throw new UsageError('--to is missing: where connections go, HOST:PORT')
  const [upBps, downBps = upBps] = (v.bps ?? '').split('/')
  const [upMs, downMs] = v.flap === undefined ? [] : v.flap.split('/').map((part) => time(part, 'flap'))
  if (v.flap !== undefined && (upMs === undefined || downMs === undefined)) bad('flap', '60s/5s')
  if (v.seed !== undefined && !/^\d+$/.test(v.seed)) bad('seed', '7')
  return {
    to: address(v.to, 'to'),
    listen: address(v.listen ?? '127.0.0.1:0', 'listen'),
    ...(v.bps === undefined ? {} : { bitsPerSec: { up: rate(upBps!), down: rate(downBps!) } }),
    rttMs: time(v.rtt ?? '0ms', 'rtt'),
    jitterMs: time(v.jitter ?? '0ms', 'jitter'),
    ...(v.queue === undefined ? {} : { queueBytesMax: amount(v.queue, { B: 1, kB: 1000, MB: 1e6 }, 'queue', '16kB') }),
    cut: { ...(v['cut-rate'] === undefined ? {} : cutRates(v['cut-rate'])), by: oneOf<CutBy>(v['cut-by'] ?? 'reset', ['reset', 'end', 'silent'], 'cut-by') },
    ...(v.flap === undefined ? {} : { flap: { upMs: upMs!, downMs: downMs!, random: v['flap-random'] ?? false, kind: oneOf<DownKind>(v['flap-by'] ?? 'refused', ['refused', 'silent'], 'flap-by') } }),
    blackHole: v['black-hole'] ?? false,
    seed: Number(v.seed ?? 1),
  }
}

async function main(): Promise<void> {
  const options = linkOptionsOf(process.argv.slice(2))
  if (options === null) {
    console.log(HELP)
    return
  }
  const link = await LinkEmulator.start(options)
  const print = (): void => console.log(JSON.stringify(link.counters))
  console.log(`listening on ${options.listen!.host}:${link.port}`)
  process.on('SIGUSR1', print)
  const ended = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve())
  await ended.promise
  print()
  process.removeListener('SIGUSR1', print)
  await link[Symbol.asyncDispose]()
}

if (import.meta.main) {
  try {
    await main()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!(error instanceof UsageError) && code?.startsWith('ERR_PARSE_ARGS') !== true && code?.startsWith('E') !== true) throw error
    console.error(`${message}\nnode test/support/link-emulator.ts --help shows all options`)
    process.exitCode = 2
  }
}
