// The gateway's own figures, as they are asked for once in each step.

/** One figure. null: there is none now. */
export interface Figure {
  readonly name: string
  readonly unit: string | null
  /** `nowMs`: Clock.now. */
  read(nowMs: number): number | null
}

export interface FigureSources {
  readonly clients: () => number
  /** PUBLISH packets received, since the start. */
  readonly received: () => number
  /** Messages that wait for clients and uplinks. */
  readonly queued: () => number
  readonly storeBytes: () => number
  /** Of the board's processor; null where nobody tells. */
  readonly temperatureC: () => number | null
  readonly uplinks: readonly UplinkSource[]
}

export interface UplinkSource {
  readonly name: string
  readonly queued: () => number
  /** Over the link in both directions, since the start. */
  readonly bytes: () => number
}

const SECOND_MS = 1000
const MINUTE_MS = 60_000
const DECIMALS = 100

export function figuresOf({ clients, received, queued, storeBytes, temperatureC, uplinks }: FigureSources): Figure[] {
  return [
    { name: 'clients', unit: null, read: clients },
    { name: 'messages-per-second', unit: '1/s', read: rateOf(received, SECOND_MS) },
    { name: 'queued', unit: null, read: queued },
    { name: 'store-bytes', unit: 'B', read: storeBytes },
    { name: 'temperature', unit: '°C', read: temperatureC },
    ...uplinks.flatMap((uplink) => [
      { name: `uplink/${uplink.name}/queued`, unit: null, read: uplink.queued },
      { name: `uplink/${uplink.name}/bytes-per-minute`, unit: 'B/min', read: rateOf(uplink.bytes, MINUTE_MS) },
    ]),
  ]
}

/** How much a total grows in `perMs`, since it was asked for last; null the first time. */
function rateOf(total: () => number, perMs: number): Figure['read'] {
  let before: { readonly total: number; readonly atMs: number } | null = null
  return (nowMs) => {
    const now = { total: total(), atMs: nowMs }
    const last = before
    before = now
    if (last === null || nowMs <= last.atMs) return null
    return Math.round(((now.total - last.total) / (nowMs - last.atMs)) * perMs * DECIMALS) / DECIMALS
  }
}
