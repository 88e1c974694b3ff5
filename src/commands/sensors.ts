// `sandpiper sensors`: what the sensors of a configuration read, for a person at a terminal.
//
//   watch   of the gateway that runs, by its socket; where none runs, the sensors are read here
//   try     one entry as it would stand under `sensors:`, without a gateway and without touching the configuration
import { createInterface } from 'node:readline'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { checkEntry, type LoadOptions } from '../config/load.ts'
import { reportProblems } from '../config/report.ts'
import { OperatorError } from '../errors.ts'
import { readSensors } from '../lone-sensors.ts'
import type { FedReading, FedState, FeedLine } from '../ops/sensor-feed.ts'
import { SENSOR_FEED_SOCKET } from '../own-devices.ts'

export interface Terminal {
  write(text: string): void
  /** Text may be written over what is there. */
  readonly isTty: boolean
  /** Resolves when the person wants to stop. */
  readonly ended: Promise<unknown>
}

interface Seen {
  status: string
  lastError: string | null
  value: string
  count: number
  atMs: number
}

const REDRAW_MS = 500
const PAYLOAD_CHARS_MAX = 100

/** Shows live readings until the person stops. Exit code. */
export async function watchSensors(config: Config, { json, seconds }: { readonly json: boolean; readonly seconds: number }, terminal: Terminal): Promise<number> {
  if (config.sensors.length === 0) throw new OperatorError('E_USAGE', 'there are no sensors in this configuration')
  const seen = new Map<string, Seen>(config.sensors.map(({ name }) => [name, { status: '', lastError: null, value: '', count: 0, atMs: -Infinity }]))
  const onLine = (line: FeedLine): void => {
    if (json) terminal.write(`${JSON.stringify(line)}\n`)
    else note(seen, line, terminal)
  }
  const gateway = await connectTo(join(config.store.path, SENSOR_FEED_SOCKET))
  const closed = gateway === null ? new Promise<void>(() => {}) : new Promise<void>((resolve) => void gateway.once('close', () => resolve()))
  const stop = gateway === null ? readSensors(config, onLine) : readFrom(gateway, onLine)
  if (!json) terminal.write(gateway === null ? 'No gateway runs on this store: the sensors are read here.\n' : 'As the running gateway reads them.\n')
  const redraw = terminal.isTty && !json ? systemClock.every(REDRAW_MS, () => terminal.write(drawn(seen))) : null
  const keepAlive = holdOpen(seconds)
  const isClosed = await Promise.race([terminal.ended, keepAlive.over, closed.then(() => true)])
  keepAlive.let()
  redraw?.cancel()
  if (terminal.isTty && !json) terminal.write(drawn(seen))
  await stop()
  if (isClosed !== true) return 0
  if (!json) terminal.write('The gateway has stopped.\n')
  return 1
}

export interface TryOptions {
  /** Text of a configuration whose board and buses hold; null for none. */
  readonly base: string | null
  readonly file: string | null
  readonly board: Pick<LoadOptions, 'board' | 'detectedBoard'>
  readonly seconds: number
}

/** Reads one entry and shows what comes, for `seconds` or until the person stops. Exit code: 0 when a reading came. */
export async function trySensor(entry: string, { base, file, board, seconds }: TryOptions, terminal: Terminal): Promise<number> {
  const result = checkEntry(entry, base, file ?? 'entry', { secrets: 'optional', ...board })
  if ('problems' in result) {
    terminal.write(`${reportProblems(result.problems, { fileName: 'entry', text: result.text })}\n`)
    return 1
  }
  let readings = 0
  let trouble: string | null = null
  const stop = readSensors(result.config, (line) => {
    if ('status' in line) {
      if (line.status === 'stopped') return
      trouble = line.lastError ?? trouble
      terminal.write(`  ${stateText(line)}\n`)
    } else {
      if (line.quality !== 'gone') readings++
      terminal.write(printable(`${line.topic}  ${line.payload}`, '\n'))
    }
  })
  const keepAlive = holdOpen(seconds)
  await Promise.race([terminal.ended, keepAlive.over])
  keepAlive.let()
  await stop()
  terminal.write(readings > 0 ? `${readings} reading${readings === 1 ? '' : 's'}: it works\n` : `no reading in ${seconds} s${trouble === null ? '' : `: ${trouble as string}`}\n`)
  return readings > 0 ? 0 : 1
}

/** null when nobody listens there. */
function connectTo(path: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES') reject(new OperatorError('E_USAGE', `the gateway's socket ${path} belongs to another user: sudo sandpiper sensors watch …`))
      else resolve(null)
    })
  })
}

function readFrom(socket: Socket, onLine: (line: FeedLine) => void): () => Promise<void> {
  socket.on('error', () => {})
  createInterface({ input: socket }).on('line', (text) => {
    const line = lineOf(text)
    if (line !== null) onLine(line)
  })
  return () => {
    socket.destroy()
    return Promise.resolve()
  }
}

/** null for what a gateway that ended has left unfinished. */
function lineOf(text: string): FeedLine | null {
  try {
    return JSON.parse(text) as FeedLine
  } catch {
    return null
  }
}

function note(seen: Map<string, Seen>, line: FeedLine, terminal: Terminal): void {
  const known = seen.get(line.sensor)
  if (known === undefined) return
  if ('status' in line) {
    known.status = line.status
    known.lastError = line.lastError
  } else {
    known.value = valueText(line)
    known.count++
    known.atMs = systemClock.now()
  }
  if (!terminal.isTty) terminal.write(`${line.sensor}  ${'status' in line ? stateText(line) : known.value}\n`)
}

function stateText({ status, lastError, skipped }: FedState): string {
  const counts = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`)
  return `${status}${lastError === null ? '' : `: ${lastError}`}${counts.length === 0 ? '' : `   (skipped: ${counts.join(', ')})`}`
}

function valueText({ values, payload, quality }: FedReading): string {
  if (values === null) return printable(payload.slice(0, PAYLOAD_CHARS_MAX))
  const texts = values.map(({ name, value, unit }) => `${values.length === 1 && name === 'value' ? '' : `${name} `}${String(value)}${unit === null ? '' : ` ${unit}`}`)
  return printable(`${texts.join('   ')}${quality === 'good' || quality === null ? '' : `   (${quality})`}`)
}

/** On one line, whatever a device sends: its control characters are not the terminal's. */
function printable(text: string, end = ''): string {
  return text.replaceAll(/\p{Cc}/gu, '\u00b7') + end
}

/** The whole table, over the one before. */
function drawn(seen: ReadonlyMap<string, Seen>): string {
  const nowMs = systemClock.now()
  const rows = [...seen].map(([name, { status, lastError, value, count, atMs }]) => {
    const age = atMs === -Infinity ? '' : `${((nowMs - atMs) / 1000).toFixed(1)} s ago`
    return [name, status, String(count), age, status === 'gone' ? (lastError ?? '') : value]
  })
  const titled = [['sensor', 'state', 'readings', 'last', 'value'], ...rows]
  const widths = titled[0]!.map((_, i) => Math.max(...titled.map((row) => row[i]!.length)))
  const lines = titled.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  '))
  return `\x1b[H\x1b[2J${lines.join('\n')}\n`
}

/** Keeps the process, whose timers do not; `over` after so many seconds, Infinity for never. */
function holdOpen(seconds: number): { readonly over: Promise<void>; let(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const port = new MessageChannel().port1
  port.ref()
  const timer = seconds === Infinity ? null : systemClock.after(seconds * 1000, resolve)
  return {
    over: promise,
    let: () => {
      timer?.cancel()
      port.close()
    },
  }
}
