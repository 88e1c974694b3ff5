// What a case is: something measured, and the table it gives.

export interface Options {
  /** Shorter, for a look. */
  readonly quick: boolean
  /** Told what goes on. */
  readonly say: (line: string) => void
}

export interface Outcome {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** What one has to know to read it. */
  readonly notes: readonly string[]
  /** Promises that were broken: lost, doubled, changed. */
  readonly faults: readonly string[]
}

export interface Case {
  readonly name: string
  readonly title: string
  run(options: Options): Promise<Outcome>
}

/** The link that the issue names: far, and metered. */
export const RTT_MS = 600

/** Longer than a round trip and the longest delay of an acknowledgement: what has been silent for so long is over. */
export const QUIET_MS = RTT_MS + 300

export const KEEP_ALIVE = { min: '60s', max: '30m' }

/** gateway.yaml of one that runs inside the player, without its uplink. */
export const LIBRARY_GATEWAY = { site: 's', broker: { listeners: [{ port: 0, host: '127.0.0.1', anonymous: true }], sysInterval: '0s' } }

/** `work` on each, a few at a time; answers in order. */
export async function several<T, R>(all: readonly T[], atOnce: number, work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      const index = next++
      results[index] = await work(all[index]!)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, worker))
  return results
}

export const whole = (n: number): string => Math.round(n).toLocaleString('en-US')
export const fraction = (n: number, digits = 1): string => n.toFixed(digits)

/** How bytes were counted, for the notes. */
export function countedBy(counts: 'packets' | 'estimate'): string {
  return counts === 'packets'
    ? 'Bytes are IP bytes of counted packets (MTU 1500, no offloads), both directions.'
    : 'Bytes are an ESTIMATE (test/support/link/wire-estimate.ts): counting packets needs root, network namespaces and raw sockets.'
}
