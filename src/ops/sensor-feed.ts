// What sensors read, as lines of JSON for whoever connects to a socket beside the store: `sandpiper sensors watch`.
//   {"sensor":"tank","status":"ok","readings":12,"skipped":{},"lastError":null}
//   {"sensor":"tank","topic":"site/tank","payload":"…","values":[{"name":"level","value":1.5,"unit":"cm"}],"quality":"good"}
// Rules: the socket belongs to the gateway's user alone. Who connects is told the last of everything first. Nothing is written as long as nobody
// listens; who does not read is cut off, and nobody waits for him. A socket that cannot be had is a warning.
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Message } from '../message.ts'
import type { Reading } from '../sensors/reading/reading.ts'
import type { SensorState } from '../sensors/state.ts'
import { clearSocket, listenOnSocket } from '../unix-socket.ts'

const LISTENERS_MAX = 8
const UNREAD_BYTES_MAX = 1024 * 1024
const PAYLOAD_BYTES_MAX = 1000
const OWNER_ONLY = 0o600
/** sockaddr_un of Linux. */
const PATH_BYTES_MAX = 107

/** A state, or a reading. */
export type FeedLine = FedState | FedReading

export interface FedState {
  readonly sensor: string
  readonly status: string
  readonly readings: number
  readonly skipped: Readonly<Record<string, number>>
  readonly lastError: string | null
}

export interface FedReading {
  readonly sensor: string
  readonly topic: string
  readonly payload: string
  /** null for a payload that the sensor's source has made. */
  readonly values: readonly { readonly name: string; readonly value: unknown; readonly unit: string | null }[] | null
  readonly quality: string | null
}

export function fedState({ name, status, readings, skipped, lastError }: SensorState): FedState {
  return { sensor: name, status, readings, skipped: Object.fromEntries(Object.entries(skipped).filter(([, count]) => count > 0)), lastError }
}

/** `reading` null: a payload of the source's own. */
export function fedReading(sensor: string, reading: Reading | null, { topic, payload }: Message): FedReading {
  const values = reading?.values.map(({ name, value, unit }) => ({ name, value, unit })) ?? null
  return { sensor, topic: topic.name, payload: payload.toString('utf8', 0, PAYLOAD_BYTES_MAX), values, quality: reading?.quality ?? null }
}

export class SensorFeed {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: { warn(fields: object, text: string): void }
  readonly #states = new Map<string, SensorState>()
  readonly #readings = new Map<string, { readonly reading: Reading | null; readonly message: Message; readonly atMs: number }>()
  readonly #listeners = new Set<Socket>()
  #server: Server | null = null

  constructor(path: string, clock: Clock, log: { warn(fields: object, text: string): void }) {
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  /** Never rejects. */
  async start(): Promise<void> {
    try {
      if (Buffer.byteLength(this.#path) > PATH_BYTES_MAX) throw new Error(`a socket's path has ${PATH_BYTES_MAX} bytes at most: give a shorter store.path`)
      await clearSocket(this.#path)
      const server = createServer((socket) => this.#onListener(socket))
      this.#server = server
      await new Promise<void>((resolve, reject) => {
        // The handler stays: an accept that fails for want of descriptors is an error too, and must not end the process.
        server.once('listening', resolve).on('error', reject)
        listenOnSocket(server, this.#path, OWNER_ONLY, LISTENERS_MAX)
      })
    } catch (error) {
      this.#log.warn({ socket: this.#path, why: (error as Error).message }, '`sandpiper sensors watch` cannot reach this gateway')
    }
  }

  onState(state: SensorState): void {
    this.#states.set(state.name, state)
    if (this.#listeners.size > 0) this.#tell(fedState(state))
  }

  onReading(sensor: string, reading: Reading | null, message: Message): void {
    this.#readings.set(sensor, { reading, message, atMs: this.#clock.now() })
    if (this.#listeners.size > 0) this.#tell(fedReading(sensor, reading, message))
  }

  /** The last message of a sensor, and when it was told (Clock.now); null when there was none. */
  lastOf(sensor: string): (FedReading & { readonly atMs: number }) | null {
    const last = this.#readings.get(sensor)
    return last === undefined ? null : { ...fedReading(sensor, last.reading, last.message), atMs: last.atMs }
  }

  async stop(): Promise<void> {
    for (const socket of this.#listeners) socket.destroy()
    const server = this.#server
    this.#server = null
    if (server?.listening === true) await new Promise<void>((resolve) => void server.close(() => resolve()))
  }

  #onListener(socket: Socket): void {
    if (this.#listeners.size >= LISTENERS_MAX) {
      socket.destroy()
      return
    }
    this.#listeners.add(socket)
    socket.unref()
    socket.on('error', () => {}).once('close', () => this.#listeners.delete(socket))
    socket.resume()
    for (const state of this.#states.values()) socket.write(textOf(fedState(state)))
    for (const [sensor, { reading, message }] of this.#readings) socket.write(textOf(fedReading(sensor, reading, message)))
  }

  #tell(line: FeedLine): void {
    const text = textOf(line)
    for (const socket of this.#listeners) {
      if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy()
      else socket.write(text)
    }
  }
}

function textOf(line: FeedLine): string {
  return `${JSON.stringify(line)}\n`
}
