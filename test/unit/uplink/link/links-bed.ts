// Links of an uplink over ports that a test plays: lines, brokers, what waits.
import type { DialConfig, LinkConfig } from '../../../../src/config/config.ts'
import type { Carrier, CarrierOwner } from '../../../../src/uplink/link/carrier.ts'
import type { Dialler } from '../../../../src/uplink/dial/dial.ts'
import { type LinkPorts, Links } from '../../../../src/uplink/link/links.ts'
import type { Dialled } from '../../../../src/uplink/link/way.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { linkConfig } from '../../../support/uplink-config.ts'

export const DIAL: DialConfig = { kind: 'pppd', peer: 'p', timeoutMs: 60_000, attemptBytesMax: Infinity }

export function makeLink(name: string, more: Partial<LinkConfig> = {}): LinkConfig {
  return linkConfig({ name, stableMs: 60_000, ...more })
}

/** A connection that does what the test says. */
class FakeCarrier implements Carrier {
  up = false
  isStopped = false
  readonly link: string
  readonly dialled: Dialled
  readonly #owner: CarrierOwner
  readonly #endsAtOnce: boolean

  constructor(link: string, dialled: Dialled, owner: CarrierOwner, endsAtOnce: boolean) {
    this.link = link
    this.dialled = dialled
    this.#owner = owner
    this.#endsAtOnce = endsAtOnce
  }

  accept(): void {
    this.up = true
    this.#owner.accepted()
  }

  end(why: string): void {
    this.up = false
    this.#owner.ended(why)
  }

  stop(): void {
    this.isStopped = true
    if (this.#endsAtOnce) this.end('stopped')
  }
}

class FakeLine implements Dialler {
  calls = 0
  hangUps = 0
  readonly #lost: ((why: string) => void)[] = []
  #dial = Promise.withResolvers<Dialled>()
  #down = Promise.withResolvers<void>()
  hangsUpAtOnce = true

  dial(): Promise<Dialled> {
    this.calls++
    this.#dial = Promise.withResolvers()
    return this.#dial.promise
  }

  hangUp(): Promise<void> {
    this.hangUps++
    this.#dial.reject(new Error('it was hung up'))
    this.#dial.promise.catch(() => {})
    this.#down = Promise.withResolvers()
    if (this.hangsUpAtOnce) this.#down.resolve()
    return this.#down.promise
  }

  onLost(fn: (why: string) => void): void {
    this.#lost.push(fn)
  }

  answer(name: string): void {
    this.#dial.resolve({ interface: name })
  }

  fail(why: string): void {
    this.#dial.reject(new Error(why))
  }

  down(): void {
    this.#down.resolve()
  }

  lose(why: string): void {
    for (const fn of this.#lost) fn(why)
  }
}

interface FakeProbe {
  readonly link: string
  readonly dialled: Dialled
  readonly signal: AbortSignal
  answer(): void
  fail(why: string): void
}

export class LinksBed {
  readonly clock = new FakeClock()
  readonly links: Links
  readonly carriers: FakeCarrier[] = []
  readonly lines = new Map<string, FakeLine>()
  readonly probes: FakeProbe[] = []
  readonly log: string[] = []
  readonly phases: string[] = []
  readonly waiting = new Map<string, { count: number; bytes: number }>()
  drained = true
  receivedAtMs = -Infinity
  readonly spent = new Set<string>()
  readonly asked: [string, readonly string[], boolean][] = []
  bytes = 0
  carriersEndAtOnce = true
  openFails: string | null = null

  constructor(links: readonly LinkConfig[], more: Partial<LinkPorts> = {}) {
    const line = (level: string) => (fields: object, text: string) => void this.log.push(`${level}: ${text}${'why' in fields ? `: ${String(fields.why)}` : ''}`)
    const ports: LinkPorts = {
      clock: this.clock,
      random: () => 0.5,
      log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      open: (link, dialled, owner) => this.#open(link, dialled, owner),
      dialler: ({ name }) => this.#line(name),
      probe: ({ name }, dialled, signal) => this.#probe(name, dialled, signal),
      waiting: () => this.waiting,
      drained: () => this.drained,
      receivedAtMs: () => this.receivedAtMs,
      mayConnect: ({ name }, classes, isInUse) => {
        this.asked.push([name, classes, isInUse])
        return !this.spent.has(name)
      },
      wireBytes: () => this.bytes,
      stateChanged: () => this.phases.push([this.links.state.phase, this.links.state.link].filter((word) => word !== null).join(' ')),
      ...more,
    }
    this.links = new Links({ name: 'cloud', links, backoff: { minMs: 1000, maxMs: 120_000 } }, ports)
  }

  /** The last connection that was opened. */
  get carrier(): FakeCarrier {
    return this.carriers.at(-1)!
  }

  get open(): readonly string[] {
    return this.carriers.filter((c) => !this.#over.has(c)).map((c) => c.link)
  }

  line(name: string): FakeLine {
    return this.lines.get(name)!
  }

  start(): this {
    this.links.start()
    return this
  }

  wait(className: string, count: number): void {
    this.waiting.set(className, { count, bytes: count * 30 })
    this.drained = [...this.waiting.values()].every((w) => w.count === 0)
    this.links.changed()
  }

  readonly #over = new Set<FakeCarrier>()

  #open({ name }: LinkConfig, dialled: Dialled, owner: CarrierOwner): Carrier {
    if (this.openFails !== null) throw new Error(this.openFails)
    if (this.open.length > 0) throw new Error(`a second connection: ${this.open.join()} and ${name}`)
    const carrier: FakeCarrier = new FakeCarrier(name, dialled, {
      accepted: () => owner.accepted(),
      ended: (why) => {
        this.#over.add(carrier)
        owner.ended(why)
      },
    }, this.carriersEndAtOnce)
    this.carriers.push(carrier)
    return carrier
  }

  #line(name: string): FakeLine {
    const line = new FakeLine()
    this.lines.set(name, line)
    return line
  }

  #probe(link: string, dialled: Dialled, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.probes.push({ link, dialled, signal, answer: () => resolve(), fail: (why) => reject(new Error(why)) })
    return promise
  }
}
