// What a member of shared subscriptions leaves undone when its session ends goes to others of its groups (section 4.8.2): the standard
// says SHOULD for QoS 1. So it is with sessions in memory. One on flash keeps its messages while its client is away, and takes them
// with it when it expires: its queue is not read again for others.
import type { Queue } from '../journal/queue.ts'
import { matches, parseShare } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'

/** Gives other members what the one with these filters had not acknowledged. Its subscriptions have left the router, its queue has not ended. */
export function handOver(filters: readonly string[], queue: Queue, router: Router): void {
  const shares = filters.map(parseShare).filter((share) => share !== null)
  if (shares.length === 0) return
  const own = filters.filter((filter) => parseShare(filter) === null)
  for (const { message, qos, packetIdentifier } of queue.unsettled()) {
    if (qos === 2 && packetIdentifier !== 0) continue // it may have it: nobody else gets it [MQTT-4.8.2-5]
    const { name } = message.topic
    if (own.some((filter) => matches(filter, name))) continue // its own copy
    for (const share of shares) if (matches(share.filter, name)) router.deliverShared(message, share.filter, share.name)
  }
}
