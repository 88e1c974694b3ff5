// What was published, what was promised, what arrived, and what must be true of it.
import type { QoS } from '../../src/message.ts'

/** One message of a publisher; `n` counts per publisher, topic and QoS. */
export interface Published {
  readonly key: string
  readonly publisher: string
  readonly topic: string
  readonly qos: QoS
  readonly n: number
  readonly order: number
  /** PUBACK or PUBREC came: it is safe, from now on. */
  acknowledged: boolean
  /** The broker refused it, or withheld its acknowledgement. */
  refused: boolean
  /** Sent under a second packet identifier, as the session was gone: it may come twice. */
  renewed: boolean
  /** It has an expiry, so it may be thrown away. */
  readonly expires: boolean
  attempts: number
}

interface Arrival {
  count: number
}

export class Ledger {
  readonly published = new Map<string, Published>()
  readonly violations: string[] = []
  readonly #counts = new Map<string, number>()
  readonly #arrived = new Map<string, Arrival>()
  readonly #lastOrder = new Map<string, Published>()
  readonly #now: () => number
  readonly #sameSite: (receiver: string, publisher: string) => boolean
  /** True once a store was full: a 3.1.1 publisher whose acknowledgement was withheld sends that message again, after later ones. */
  refuses = false
  /** True once a broker on the way has crashed: then QoS 1 may come again without DUP. */
  crashed = false
  arrivals = 0
  duplicates = 0

  constructor(now: () => number, sameSite: (receiver: string, publisher: string) => boolean) {
    this.#now = now
    this.#sameSite = sameSite
  }

  violation(text: string): void {
    if (this.violations.length < 20) this.violations.push(`${this.#now().toFixed(1)} ms: ${text}`)
  }

  publish(publisher: string, topic: string, qos: QoS, expires: boolean): Published {
    const flow = `${publisher}|${topic}|${qos}`
    const n = (this.#counts.get(flow) ?? 0) + 1
    this.#counts.set(flow, n)
    const order = this.published.size
    const message: Published = { key: `${flow}|${n}`, publisher, topic, qos, n, order, acknowledged: false, refused: false, renewed: false, expires, attempts: 0 }
    this.published.set(message.key, message)
    return message
  }

  /** `qos` is the one it arrived with; `remapped` says that the topic differs on purpose. */
  arrive(receiver: string, key: string, topic: string, qos: QoS, dup: boolean): void {
    this.arrivals++
    const message = this.published.get(key)
    if (message === undefined) {
      this.violation(`${receiver} got something nobody published: ${topic} ${key}`)
      return
    }
    if (!topic.endsWith(message.topic)) this.violation(`${receiver} got ${key} under topic ${topic}`)
    const id = `${receiver}>${key}`
    const known = this.#arrived.get(id)
    if (known !== undefined) {
      known.count++
      this.duplicates++
      // Somebody without a durable session has it before the store refuses it.
      if (message.qos === 2 && qos === 2 && !message.renewed && !(this.refuses && receiver.includes('#'))) this.violation(`${receiver} got ${key} ${known.count} times at QoS 2`)
      else if (message.qos === 0 && qos === 0) this.violation(`${receiver} got ${key} twice at QoS 0`)
      else if (!dup && message.attempts <= 1 && !this.crashed && this.#sameSite(receiver, message.publisher)) this.violation(`${receiver} got ${key} again without a reason`)
      return
    }
    this.#arrived.set(id, { count: 1 })
    const flow = `${receiver}>${message.publisher}|${message.topic}|${message.qos}`
    const last = this.#lastOrder.get(flow)
    if (last !== undefined && last.n > message.n) {
      // A clean session that began in between has the later one first, when both are sent again.
      // So may a member of a shared subscription, when the first copy went to another one.
      const began = (qos === 1 || message.qos === 1) && (receiver.includes('#') || receiver.startsWith('share'))
      // The copy of the first attempt may have expired on the way; that of the second has its time anew.
      const expired = message.expires && message.attempts > 1
      if (!this.refuses && !message.refused && !message.renewed && !began && !expired) this.violation(`${receiver} got ${key} after ${last.n}`)
    } else this.#lastOrder.set(flow, message)
  }

  arrivedAt(receiver: string, key: string): number {
    return this.#arrived.get(`${receiver}>${key}`)?.count ?? 0
  }

  /** What was promised to `receivers`, one of them at least, and has not arrived. */
  missing(receivers: readonly string[], wants: (message: Published) => boolean): Published[] {
    return [...this.published.values()].filter((m) => m.acknowledged && !m.expires && m.qos > 0 && wants(m) && receivers.every((r) => this.arrivedAt(r, m.key) === 0))
  }
}
