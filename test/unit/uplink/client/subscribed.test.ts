// What is asked of a remote that has our session, and of one that has not; over restarts and changes.
import { describe, expect, test } from 'vitest'
import { Subscribed, type Wanted } from '../../../../src/uplink/client/subscribed.ts'
import { Subscriber } from '../../../../src/uplink/client/subscriber.ts'
import { MemoryShelf } from '../../../support/memory-shelf.ts'
import { uplinkConfig } from '../../../support/uplink-config.ts'

const wanted = (filter: string, more: Partial<Wanted> = {}): Wanted => ({ filter, qos: 1, noLocal: true, retainAsPublished: false, retainHandling: 0, renewed: false, ...more })
const A = wanted('a/#')
const B = wanted('b')

/** A gateway that connects again and again, to a remote whose session lasts as long as `session` says. */
class Gateway {
  readonly shelf = new MemoryShelf()
  /** What the remote's session has. */
  readonly session = new Map<string, Wanted>()
  config = uplinkConfig()
  wanted: readonly Wanted[] = [A, B]
  /** Reason codes of SUBACK, by filter. */
  readonly refuses = new Set<string>()
  refused: readonly string[] = []
  #known = new Subscribed(this.config, this.shelf)

  async restart(): Promise<void> {
    await this.#known.stop()
    this.#known = new Subscribed(this.config, this.shelf)
    await this.#known.prepare()
  }

  /** What was asked, in words. `answers`: false when the link breaks before the remote can. */
  connect(sessionPresent = true, answers = true): string[] {
    if (!sessionPresent) this.session.clear()
    const asked: string[] = []
    const subscriber = new Subscriber(5, this.#known, this.wanted, {
      send: (packet) => void asked.push(`${packet[0] === 0x82 ? 'subscribe' : 'unsubscribe'} ${filtersIn(packet, this.wanted).join(' ')}`.trim()),
      refused: (filters) => void (this.refused = filters),
    })
    subscriber.start(sessionPresent)
    if (!answers) return asked
    for (let answered = 0; answered < asked.length; answered++) {
      if (asked[answered]!.startsWith('unsubscribe')) {
        subscriber.onUnsuback([])
        continue
      }
      const filters = asked[answered]!.split(' ').slice(1)
      for (const filter of filters) if (!this.refuses.has(filter)) this.session.set(filter, this.wanted.find((w) => w.filter === filter)!)
      subscriber.onSuback(filters.map((filter) => (this.refuses.has(filter) ? 0x87 : 1)))
    }
    return asked
  }
}

/** By their bytes: the filters of these tests are short and unlike each other. */
function filtersIn(packet: Buffer, all: readonly Wanted[]): string[] {
  const names = [...new Set([...all.map((w) => w.filter), 'a/#', 'b', 'c/+'])]
  return names.filter((name) => packet.includes(Buffer.from([0, name.length, ...Buffer.from(name)])))
}

describe('subscriptions of an uplink', () => {
  test('a session that is still there is asked for nothing', () => {
    const gateway = new Gateway()
    expect(gateway.connect(false)).toEqual(['subscribe a/# b'])
    expect(gateway.connect()).toEqual([])
  })

  test('a session that is gone is asked for everything', () => {
    const gateway = new Gateway()
    gateway.connect(false)
    expect(gateway.connect(false)).toEqual(['subscribe a/# b'])
  })

  test('it is known after a restart too', async () => {
    const gateway = new Gateway()
    gateway.connect(false)
    await gateway.restart()
    expect(gateway.connect()).toEqual([])
  })

  test('a change is asked for, and what is not wanted any more is given back, also after a restart', async () => {
    const gateway = new Gateway()
    gateway.connect(false)
    gateway.wanted = [wanted('b', { qos: 2 }), wanted('c/+')]
    await gateway.restart()
    expect(gateway.connect()).toEqual(['subscribe b c/+', 'unsubscribe a/#'])
    expect(gateway.connect()).toEqual([])
  })

  test('what was asked for and never acknowledged is asked for again, or given back', async () => {
    const gateway = new Gateway()
    expect(gateway.connect(false, false)).toEqual(['subscribe a/# b'])
    await gateway.restart()
    gateway.wanted = [B]
    expect(gateway.connect()).toEqual(['subscribe b', 'unsubscribe a/#'])
  })

  test('what was refused is asked for on every connection', () => {
    const gateway = new Gateway()
    gateway.refuses.add('b')
    gateway.connect(false)
    expect(gateway.refused).toEqual(['b'])
    expect(gateway.connect()).toEqual(['subscribe b'])
    gateway.refuses.clear()
    gateway.connect()
    expect(gateway.connect()).toEqual([])
  })

  test('one about retained messages is renewed on every connection', () => {
    const gateway = new Gateway()
    gateway.wanted = [A, wanted('b', { renewed: true })]
    gateway.connect(false)
    expect(gateway.connect()).toEqual(['subscribe b'])
  })

  test('another broker, or another name there, is another session', async () => {
    for (const config of [uplinkConfig({ host: 'other' }), uplinkConfig({ clientId: 'other' }), uplinkConfig({ username: 'other' })]) {
      const gateway = new Gateway()
      gateway.connect(false)
      gateway.config = config
      await gateway.restart()
      expect(gateway.connect()).toEqual(['subscribe a/# b'])
    }
  })

  test('what is on the shelf and cannot be read is not known', async () => {
    for (const text of ['', 'null', '{', '{"session":1}', '[]']) {
      const gateway = new Gateway()
      gateway.connect(false)
      await gateway.restart()
      await gateway.shelf.write('subscriptions', Buffer.from(text))
      await gateway.restart()
      expect(gateway.connect()).toEqual(['subscribe a/# b'])
    }
  })

  test('a connection that changes nothing writes nothing', async () => {
    const gateway = new Gateway()
    gateway.wanted = [A, wanted('b', { renewed: true })]
    gateway.connect(false)
    await gateway.restart()
    gateway.shelf.files.clear()
    for (let i = 0; i < 10; i++) gateway.connect()
    await gateway.restart()
    expect(gateway.shelf.files.size).toBe(0)
  })
})
