// `sandpiper uplink NAME drain`: orders a connection, and waits until all that waited is sent.
import type { Clock } from '../clock.ts'
import { stayingAlive } from '../stay-alive.ts'
import type { AskTerminal } from './ask.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { Progress } from './progress.ts'

const LOOK_MS = 1000
const FOR_SEC = 900

interface Drained {
  readonly phase: string
  readonly link: string | null
  readonly queued: number
  readonly acknowledged: number
  readonly rejected: number
  readonly lastError: string | null
  readonly order: { readonly kind: string; readonly leftSec: number } | null
}

export interface DrainOf {
  readonly gateway: GatewayClient
  readonly name: string
  readonly forSec: number | undefined
  readonly terminal: AskTerminal
  readonly progress: Progress
  readonly clock: Clock
}

/** 0 when the queue is empty; 1 when the order has ended before, or the person has left. */
export function drain(of: DrainOf): Promise<number> {
  return stayingAlive(() => drained(of))
}

async function drained({ gateway, name, forSec = FOR_SEC, terminal, progress, clock }: DrainOf): Promise<number> {
  const path = `/uplinks/${encodeURIComponent(name)}`
  const first = (await gateway.ask(`POST ${path}/order`, { order: 'connect', forSec })) as Drained
  const left = terminal.ended.then(() => 'left' as const)
  for (let now = first; ; now = (await gateway.ask(`GET ${path}`)) as Drained) {
    const sent = now.acknowledged + now.rejected - first.acknowledged - first.rejected
    if (now.queued === 0) return told(`${name} is empty: ${sent} messages were sent`, 0)
    if (now.order?.kind !== 'connect') return told(`${now.queued} messages still wait, ${sent} were sent: the order has ended${now.lastError === null ? '' : ` (${now.lastError})`}. Give it longer: --for 3600s`, 1)
    progress.at({ done: sent, total: sent + now.queued, unit: 'messages', note: now.phase === 'up' ? `by ${now.link}` : [now.phase, now.lastError].filter((word) => word !== null).join(': ') })
    const why = await Promise.race([left, new Promise<'look'>((resolve) => void clock.after(LOOK_MS, () => resolve('look')))])
    if (why === 'left') return told(`${now.queued} messages still wait; the order goes on for ${now.order.leftSec} s: sandpiper uplink ${name} none ends it`, 1)
  }

  function told(text: string, code: number): number {
    progress.end()
    terminal.write(`${text}\n`)
    return code
  }
}
