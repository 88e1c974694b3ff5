// How messages of this room leave: by the router, as any other message, so that routes carry them; or to whoever asked over the uplink that the question
// came by, under the topic it named there. And what that costs: a PUBLISH as it goes over each uplink that carries it, whole, with its topic on the
// other side. TLS and TCP, a frame around it and a second try after a lost connection are the link's, whose budget counts them.
import type { Gateway } from '../gateway.ts'
import type { Message } from '../message.ts'
import { publishSize } from '../mqtt/encode.ts'
import { Routes } from '../uplink/routes.ts'
import type { Uplink } from '../uplink/uplink.ts'

export interface Cost {
  /** The largest PUBLISH. */
  readonly largest: number
  /** All of them. */
  readonly total: number
}

export interface Outlet {
  cost(message: Message): Cost
  /** Answers the number of its copies in queues; null when it is in none. */
  publish(message: Message): number | null
  /** A copy with this number still waits for an uplink that carries the topic. */
  waits(topic: string, sequence: number): boolean
}

export class GatewayOutlet implements Outlet {
  readonly #gateway: Gateway
  readonly #ways: readonly { readonly version: 4 | 5; readonly routes: Routes }[]

  constructor(gateway: Gateway) {
    this.#gateway = gateway
    this.#ways = gateway.config.uplinks.map(({ version, routes }) => ({ version, routes: new Routes(routes, 'out') }))
  }

  cost(message: Message): Cost {
    const sizes = this.#ways.flatMap(({ version, routes }) => {
      const routed = routes.apply(message, 0, null)
      return routed === null ? [] : [publishSize(routed.message, version, routed.message.qos)]
    })
    // Where no uplink carries it, it costs somebody here as much.
    if (sizes.length === 0) sizes.push(publishSize(message, 5, message.qos))
    return { largest: Math.max(...sizes), total: sizes.reduce((sum, size) => sum + size, 0) }
  }

  publish(message: Message): number | null {
    const before = this.#gateway.lastSequence
    void this.#gateway.publish('', message)
    const after = this.#gateway.lastSequence
    return after > before ? after : null
  }

  waits(topic: string, sequence: number): boolean {
    const { uplinks } = this.#gateway
    return uplinks.some((uplink) => uplink.lanesOf(topic).some(({ queue }) => queue.size.count > 0 && !queue.isSettled(sequence)))
  }
}

/** What a message costs that goes over one uplink as it is. */
export function costAsItIs(message: Message, { config }: Gateway, { name }: Uplink): Cost {
  const size = publishSize(message, config.uplinks.find((one) => one.name === name)?.version ?? 5, message.qos)
  return { largest: size, total: size }
}
