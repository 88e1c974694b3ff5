// Answers that go on: server-sent events (WHATWG HTML, section 9.2). What nobody reads is not piled up: events for a slow listener are left out, and it is
// told how many.
import type { ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { Problem } from './problem.ts'
import type { EventStream } from './route.ts'

const STREAMS_MAX = 32
/** Events beyond that are left out. */
const UNSENT_BYTES_MAX = 256 * 1024
/** A proxy or a phone's network takes a silent connection for a dead one. */
const SIGN_OF_LIFE_MS = 15_000

export interface StreamStart {
  readonly raw: ServerResponse
  readonly headers: Readonly<Record<string, string>>
  /** The response is not fastify's any more. */
  readonly hijack: () => void
  /** What sends the events; answers what ends that. May throw a Problem as long as nothing was sent. */
  readonly listen: (stream: EventStream) => () => void
  /** Clock.now, or Infinity: from then on whoever listens may not any more. */
  readonly endsAtMs: number
}

export class EventStreams {
  readonly #clock: Clock
  readonly #open = new Set<ServerResponse>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws a Problem when there are too many. */
  start({ raw, headers, hijack, listen, endsAtMs }: StreamStart): void {
    if (this.#open.size >= STREAMS_MAX) throw new Problem('unavailable', `${STREAMS_MAX} listeners at once are enough: close one`, { headers: { 'retry-after': '10' } })
    let left = 0
    let isOpen = false
    const open = (): void => {
      if (isOpen) return
      isOpen = true
      hijack()
      raw.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
      raw.write(':\n\n')
    }
    const send = (event: string, data: unknown): void => {
      open()
      if (raw.writableLength > UNSENT_BYTES_MAX) {
        left++
        return
      }
      if (left > 0) raw.write(eventText('left-out', { count: left }))
      left = 0
      raw.write(eventText(event, data))
    }
    const close = listen({ send })
    open()
    this.#open.add(raw)
    const signs = this.#clock.every(SIGN_OF_LIFE_MS, () => void (raw.writableLength === 0 && raw.write(':\n\n')))
    const over = endsAtMs === Infinity ? null : this.#clock.after(endsAtMs - this.#clock.now(), () => raw.end())
    raw.on('error', () => {}).once('close', () => {
      signs.cancel()
      over?.cancel()
      this.#open.delete(raw)
      close()
    })
  }

  /** Whoever listens has to ask again. */
  end(): void {
    for (const raw of this.#open) raw.end()
  }

  destroy(): void {
    for (const raw of this.#open) raw.destroy()
  }
}

function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
