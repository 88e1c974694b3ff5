// `queue`: what waits for the cloud, how old the oldest of it is, and how long it takes until all has gone.
import type { Clock } from '../clock.ts'
import type { Gateway } from '../gateway.ts'
import type { Lane } from '../uplink/lane.ts'
import { elapsedBetween } from '../stored-time.ts'
import type { Done, Handler } from './commands.ts'
import type { Pace } from './pace.ts'
import { fitted } from './report.ts'
import { Refusal, wanted } from './request.ts'

interface Row {
  readonly uplink: string
  readonly class: string
  readonly count: number
  readonly bytes: number
  readonly oldestSec: number | null
}

export function queueHandler(gateway: Gateway, clock: Clock, pace: Pace): Handler {
  return async ({ words }, roomBytes): Promise<Done> => {
    const { uplink: name } = wanted(words, { uplink: { text: null, default: '' } })
    const uplinks = gateway.uplinks.filter((uplink) => name === '' || uplink.name === name)
    if (uplinks.length === 0) throw new Refusal(`"uplink" is one of ${gateway.uplinks.map((one) => one.name).join(', ') || 'none'}`)
    const rows: Row[] = []
    for (const uplink of uplinks) {
      const classes = Map.groupBy(uplink.lanes.all, (lane) => lane.class.name)
      for (const [className, lanes] of classes) rows.push(await rowOf(uplink.name, className, lanes))
    }
    const drain = uplinks.map((uplink) => [uplink.name, pace.drainSec(uplink.name, uplink.lanes.waiting().bytes)] as const)
    const made = (max: number) => ({ q: rows.slice(0, max).map((row) => Object.values(row)), ...(rows.length > max ? { more: rows.length - max } : {}), drain: Object.fromEntries(drain.slice(0, max)) })
    return { words: fitted(made, roomBytes) }
  }

  async function rowOf(uplink: string, className: string, lanes: readonly Lane[]): Promise<Row> {
    const ages = await Promise.all(lanes.map(({ queue }) => (queue.size.count === 0 ? null : oldestSec(queue))))
    const known = ages.filter((age) => age !== null)
    const sum = (of: (lane: Lane) => number): number => lanes.reduce((total, lane) => total + of(lane), 0)
    return { uplink, class: className, count: sum(({ queue }) => queue.size.count), bytes: sum(({ queue }) => queue.size.bytes), oldestSec: known.length === 0 ? null : Math.max(...known) }
  }

  async function oldestSec(queue: Lane['queue']): Promise<number | null> {
    const [first] = await queue.peek(1)
    if (first === undefined) return null
    const ms = first.append === null ? elapsedBetween(first.receivedAtMs, gateway.storedWallMs) : clock.now() - first.append.bornMs
    return Math.max(0, Math.floor(ms / 1000))
  }
}
