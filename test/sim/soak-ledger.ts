// What was published on its way to the cloud, flow by flow: one publisher, one topic, one class. A flow's messages are numbered, and have to
// come out once each, in that order, byte for byte. What has come is forgotten, so that a month fits into memory.
import type { QoS } from '../../src/message.ts'
import type { Random } from './random.ts'

export type Shape = 'json' | 'csv' | 'number' | 'binary'

export interface FlowOptions {
  readonly publisher: string
  /** At the gateway. */
  readonly topic: string
  /** In the cloud. */
  readonly remoteTopic: string
  readonly className: string
  readonly qos: QoS
  readonly shape: Shape
}

interface Message {
  readonly payload: string
  readonly bornMs: number
}

export class Flow {
  readonly options: FlowOptions
  readonly index: number
  /** The number of the next message. */
  next = 1
  /** The number that has to come next. */
  expected = 1
  acknowledged = 0
  /** Of `expected` and what follows. */
  readonly waiting: Message[] = []
  head = 0
  /** Passed over by a later one. */
  readonly passed = new Map<number, Message>()
  /** Sent again by their publisher at QoS 1: two messages to the standard, when the gateway died in between. */
  readonly resent = new Set<number>()
  #value = 20

  constructor(options: FlowOptions, index: number) {
    this.options = options
    this.index = index
  }

  /** Payload of the next message, as Latin-1. */
  make(random: Random): string {
    const n = this.next
    this.#value += random.next() - 0.5
    switch (this.options.shape) {
      case 'json':
        return `{"p":${this.index},"n":${n},"t":${this.#value.toFixed(2)},"ok":${this.#value > 20}}`
      case 'csv':
        return `${this.index},${n},${this.#value.toFixed(1)},${random.int(0, 9)}`
      case 'number':
        return `${n}.${random.int(100, 999)}`
      case 'binary': {
        const bytes = Buffer.alloc(8)
        bytes.writeUInt32BE(n)
        bytes.writeFloatBE(this.#value, 4)
        return bytes.toString('latin1')
      }
    }
  }
}

export class SoakLedger {
  readonly flows: readonly Flow[]
  readonly violations: string[] = []
  readonly #byTopic = new Map<string, Flow[]>()
  readonly #now: () => number
  readonly #random: Random
  published = 0
  acknowledged = 0
  arrived = 0
  duplicates = 0
  disordered = 0
  damaged = 0
  /** Second copies of what a publisher has sent again at QoS 1. */
  repeated = 0
  /** Milliseconds from publishing to the far end, by class. */
  readonly latencies = new Map<string, number[]>()

  constructor(flows: readonly FlowOptions[], random: Random, now: () => number) {
    this.flows = flows.map((options, i) => new Flow(options, i))
    this.#random = random
    this.#now = now
    for (const flow of this.flows) this.#byTopic.set(flow.options.remoteTopic, [...(this.#byTopic.get(flow.options.remoteTopic) ?? []), flow])
  }

  violation(text: string): void {
    if (this.violations.length < 20) this.violations.push(`day ${(this.#now() / 86_400_000).toFixed(3)}: ${text}`)
  }

  publish(flow: Flow): { readonly n: number; readonly payload: Buffer } {
    const payload = flow.make(this.#random)
    flow.waiting.push({ payload, bornMs: this.#now() })
    this.published++
    return { n: flow.next++, payload: Buffer.from(payload, 'latin1') }
  }

  acknowledge(flow: Flow): void {
    this.acknowledged++
    flow.acknowledged++
  }

  arrive(topic: string, bytes: Buffer): void {
    const payload = bytes.toString('latin1')
    const found = this.#find(topic, payload)
    if (found === null) {
      this.damaged++
      this.violation(`something came that nobody published: ${topic} ${JSON.stringify(payload)}`)
      return
    }
    const { flow, n } = found
    this.arrived++
    if (n < flow.expected) this.#late(flow, n, payload)
    else {
      for (let k = flow.expected; k < n; k++) flow.passed.set(k, take(flow))
      this.#check(flow, n, take(flow), payload)
    }
  }

  /** What has not come. */
  get missing(): number {
    let count = 0
    for (const { passed, waiting, head, options } of this.flows) if (options.qos > 0) count += passed.size + waiting.length - head
    return count
  }

  describeMissing(): string {
    return this.flows.filter((f) => f.options.qos > 0 && f.passed.size + f.waiting.length > f.head).map((f) => `${f.options.remoteTopic}: ${[...f.passed.keys()].slice(0, 5).join(' ')}${f.waiting.length > f.head ? ` from ${f.expected} on` : ''}`).join('; ')
  }

  #late(flow: Flow, n: number, payload: string): void {
    const passed = flow.passed.get(n)
    if (passed !== undefined) {
      flow.passed.delete(n)
      this.disordered++
      this.violation(`${flow.options.remoteTopic} ${n} came after ${flow.expected - 1}`)
      this.#check(flow, n, passed, payload)
    } else if (flow.resent.has(n)) this.repeated++
    else {
      this.duplicates++
      this.violation(`${flow.options.remoteTopic} ${n} came again, after ${flow.expected - 1}`)
    }
  }

  #check(flow: Flow, n: number, { payload, bornMs }: Message, came: string): void {
    const { className, remoteTopic } = flow.options
    let all = this.latencies.get(className)
    if (all === undefined) this.latencies.set(className, (all = []))
    all.push(this.#now() - bornMs)
    if (payload === came) return
    this.damaged++
    this.violation(`${remoteTopic} ${n} is another one: ${JSON.stringify(came)} for ${JSON.stringify(payload)}`)
  }

  #find(topic: string, payload: string): { readonly flow: Flow; readonly n: number } | null {
    const flows = this.#byTopic.get(topic)
    const [first] = flows ?? []
    if (flows === undefined || first === undefined) return null
    const { shape } = first.options
    const [p, n] = shape === 'binary' ? [first.index, payload.length === 8 ? Buffer.from(payload, 'latin1').readUInt32BE() : NaN] : shape === 'number' ? [first.index, Number.parseInt(payload, 10)] : (payload.match(/\d+/g)?.slice(0, 2).map(Number) ?? [])
    const flow = flows.find((f) => f.index === p)
    return flow === undefined || n === undefined || !(n >= 1 && n < flow.next) ? null : { flow, n }
  }
}

/** The first that waits, which waits no more. */
function take(flow: Flow): Message {
  const message = flow.waiting[flow.head]!
  flow.head++
  flow.expected++
  if (flow.head >= 1000 && flow.head * 2 >= flow.waiting.length) {
    flow.waiting.splice(0, flow.head)
    flow.head = 0
  }
  return message
}
