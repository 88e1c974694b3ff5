// For those who watch from outside: the machine's own supervisor, a load balancer, a monitoring system. They prove nothing, and learn nothing but this.
import type { ApiParts } from '../parts.ts'
import { Problem } from '../problem.ts'
import { record, type Route } from '../route.ts'

/** As long as systemd's watchdog gives it. */
const LIVE_MS = 30_000
const READY_MS = 5000

const OK = record({ status: { const: 'ok' } })

export function healthRoutes({ gateway }: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      absolute: true,
      role: null,
      tag: 'health',
      summary: 'The process lives, and flash answers',
      problems: ['unavailable'],
      answer: OK,
      handle: () => {
        if (!gateway.progresses(LIVE_MS)) throw new Problem('unavailable', `flash has not answered for ${LIVE_MS / 1000} s: check the card`)
        return { status: 'ok' }
      },
    },
    {
      method: 'GET',
      path: '/readyz',
      absolute: true,
      role: null,
      tag: 'health',
      summary: 'Devices may connect, and what they publish can be kept',
      problems: ['unavailable'],
      answer: OK,
      handle: () => {
        if (!gateway.progresses(READY_MS)) throw new Problem('unavailable', `flash has not answered for ${READY_MS / 1000} s`)
        if (gateway.isStoreFull) throw new Problem('unavailable', 'the store is full, or nearly: new messages that must be kept are refused, or soon will be')
        return { status: 'ok' }
      },
    },
  ]
}
