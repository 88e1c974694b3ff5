// Where an answer goes: over the uplink that the command came by, under the topic that it named there; to the topic that a client of ours named, if it might
// publish there itself; else beside the command, where routes take it from.
import type { Clock } from '../clock.ts'
import { makeMessage, type Message } from '../message.ts'
import { responseAsked, type Way } from './answer.ts'
import type { Asker } from './asker.ts'
import type { Outlet } from './outlet.ts'

export interface WaysDeps {
  /** Below it commands come. */
  readonly topic: string
  readonly outlet: Outlet
  publish(answer: Message): number | null
  /** Over the uplink that the command came by, as it is; null where that cannot be. */
  direct(asker: Asker): Pick<Way, 'cost' | 'send' | 'waits'> | null
}

/** A part of a topic that somebody has made up. */
const NAME_LENGTH_MAX = 20
const LEFT_MS_MAX = 30_000
const LOOK_MS = 500

export function wayOf(name: string, command: Message, asker: Asker, id: string | null, { topic, outlet, publish, direct }: WaysDeps): Way {
  const { topic: wish, correlation } = responseAsked(command)
  const over = wish === null ? null : direct(asker)
  if (over !== null) return { topic: wish!, correlation, id, ...over }
  const isTaken = wish === topic || wish?.startsWith(`${topic}/`) === true || wish?.startsWith('$') === true
  const isFree = wish !== null && asker.uplink === null && !isTaken && asker.mayPublish(makeMessage(wish, '', { qos: 1 }))
  const to = isFree ? wish : `${topic}/${name.slice(0, NAME_LENGTH_MAX)}/reply`
  return { topic: to, correlation, id, cost: (answer) => outlet.cost(answer), send: publish, waits: (sequence) => outlet.waits(to, sequence) }
}

/** Calls `fn` when an answer has left, or half a minute later; never once `isOver`. */
export function whenLeft({ waits }: Way, sequence: number | null, clock: Clock, isOver: () => boolean, fn: () => void): void {
  const untilMs = clock.now() + LEFT_MS_MAX
  const look = (): void => {
    if (isOver()) return
    if (sequence !== null && waits(sequence) && clock.now() < untilMs) clock.after(LOOK_MS, look)
    else fn()
  }
  clock.after(LOOK_MS, look)
}
