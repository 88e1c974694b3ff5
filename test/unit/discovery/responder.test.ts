// One link, several responders on it, and time that a test moves: what goes over the link and when, as RFC 6762 has it.
import { describe, expect, test } from 'vitest'
import type { Datagram, Sender } from '../../../src/discovery/datagram.ts'
import { decode, type DnsMessage, type DnsRecord, encode, keyOf, nameData, type Question, srvData, textOf, Type } from '../../../src/discovery/dns.ts'
import { addressData, recordsOf, type Wanted } from '../../../src/discovery/records.ts'
import { type News, Responder } from '../../../src/discovery/responder.ts'

const MQTT = { type: '_mqtt._tcp', port: 1883, addresses: ['*'], txt: ['site=well-07'] } as const
const HTTPS = { type: '_https._tcp', port: 443, addresses: ['*'], txt: ['path=/'] } as const
const WANTED: Wanted = { services: [MQTT], instance: { base: 'well-07', attempt: 1 }, host: { base: 'well-07', attempt: 1 }, addresses: ['10.9.0.1'] }
const TYPE = ['_mqtt', '_tcp', 'local']
const INSTANCE = ['well-07', ...TYPE]
const HOST = ['well-07', 'local']
const PHONE: Sender = { address: '10.9.0.7', port: 5353 }
const EMPTY: DnsMessage = { id: 0, isResponse: false, isTruncated: false, questions: [], answers: [], authorities: [], additionals: [] }
const RECORD_TYPES: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(Type).map(([name, number]) => [number, name]))

const question = (name: readonly string[], type: number, byUnicast = false): Question => ({ name, type, byUnicast })
const ask = (...questions: readonly Question[]): DnsMessage => ({ ...EMPTY, questions })
const said = (...answers: readonly DnsRecord[]): DnsMessage => ({ ...EMPTY, isResponse: true, answers })
const record = (name: readonly string[], type: number, data: Buffer, ttlSec = 120): DnsRecord => ({ name, type, flush: true, ttlSec, data })
const theirs = record(INSTANCE, Type.SRV, srvData(1883, ['other', 'local']))

/** `PTR _mqtt._tcp.local` each, with `-` for a goodbye. */
const short = (records: readonly DnsRecord[]): string[] => records.map(({ type, name, ttlSec }) => `${ttlSec === 0 ? '-' : ''}${RECORD_TYPES[type]} ${textOf(name)}`)

/** A gateway on a link: everything that it sends goes through the codec, and is noted with its time. */
class Bench {
  nowMs = 1000
  readonly responder: Responder
  readonly sent: { readonly atMs: number; readonly to: Sender | null; readonly message: DnsMessage }[] = []
  readonly news: News[] = []

  constructor(wanted: Wanted = WANTED, random = 0, own: readonly string[] = ['10.9.0.1']) {
    this.responder = new Responder(() => random, (data) => own.some((address) => addressData(address).equals(data)))
    this.set(wanted)
  }

  set(wanted: Wanted, watched: string | null = null): void {
    this.#note(this.responder.set(recordsOf(wanted), watched, this.nowMs).send)
  }

  hears(message: DnsMessage, from: Sender = PHONE): void {
    const { send, news } = this.responder.receive(decode(encode(message))!, from, this.nowMs)
    this.news.push(...news)
    this.#note(send)
  }

  /** Lets so much time pass. */
  runs(ms: number): void {
    const endMs = this.nowMs + ms
    while (this.responder.nextMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.responder.nextMs)
      this.#note(this.responder.check(this.nowMs))
    }
    this.nowMs = endMs
  }

  /** What has been sent since the last time that was asked. */
  take(): readonly { readonly atMs: number; readonly to: Sender | null; readonly message: DnsMessage }[] {
    return this.sent.splice(0)
  }

  takeAnswers(): string[] {
    return this.take().flatMap(({ message }) => short(message.answers))
  }

  #note(datagrams: readonly Datagram[]): void {
    for (const { message, to } of datagrams) this.sent.push({ atMs: this.nowMs, to, message: decode(encode(message))! })
  }
}

/** All is announced, and long ago. */
function settled(wanted: Wanted = WANTED): Bench {
  const bench = new Bench(wanted)
  bench.runs(60_000)
  bench.take()
  return bench
}

describe('a start', () => {
  test('asks three times whether somebody has the names, then announces twice', () => {
    const bench = new Bench()
    bench.runs(10_000)
    const [first, ...rest] = bench.take()
    expect([first!, ...rest].map(({ atMs, to, message }) => `${atMs} ${to === null ? '' : 'to one '}${message.isResponse ? 'says' : 'asks'}`)).toEqual(['1000 asks', '1250 asks', '1500 asks', '1750 says', '2750 says'])
    expect(first!.message.questions.map(({ name, type }) => `${RECORD_TYPES[type]} ${textOf(name)}`)).toEqual(['ANY well-07.local', 'ANY well-07._mqtt._tcp.local'])
    expect(short(first!.message.authorities)).toEqual(['A well-07.local', 'SRV well-07._mqtt._tcp.local', 'TXT well-07._mqtt._tcp.local'])
    expect(first!.message.authorities.some(({ flush }) => flush)).toBe(false)
    expect(short(rest.at(-1)!.message.answers)).toEqual(['A well-07.local', 'NSEC well-07.local', 'PTR _services._dns-sd._udp.local', 'PTR _mqtt._tcp.local', 'SRV well-07._mqtt._tcp.local', 'TXT well-07._mqtt._tcp.local', 'NSEC well-07._mqtt._tcp.local'])
    expect(rest.at(-1)!.message.answers.map(({ type, flush, ttlSec }) => `${RECORD_TYPES[type]} ${flush} ${ttlSec}`)).toEqual(['A true 120', 'NSEC true 120', 'PTR false 4500', 'PTR false 4500', 'SRV true 120', 'TXT true 4500', 'NSEC true 4500'])
  })

  test('not all in the same moment', () => {
    const bench = new Bench(WANTED, 0.8)
    expect(bench.responder.nextMs).toBe(1200)
  })

  test('nothing is answered before the names are ours', () => {
    const bench = new Bench()
    bench.runs(600)
    bench.take()
    bench.hears(ask(question(TYPE, Type.PTR), question(HOST, Type.A)))
    bench.runs(100)
    expect(bench.take()).toEqual([])
    expect(bench.responder.isSettled).toBe(false)
  })
})

describe('a name that somebody has', () => {
  test('is left, without goodbye', () => {
    const bench = new Bench()
    bench.runs(300)
    bench.hears(said(theirs))
    expect(bench.news).toEqual([{ kind: 'taken', name: keyOf(INSTANCE), by: '10.9.0.7' }])
    bench.take()
    bench.set({ ...WANTED, instance: { base: 'well-07', attempt: 2 } })
    bench.runs(10_000)
    const answers = bench.takeAnswers()
    expect(answers.filter((one) => one.startsWith('-'))).toEqual([])
    expect(answers).toContain('SRV well-07 (2)._mqtt._tcp.local')
    expect(bench.responder.isSettled).toBe(true)
  })

  test('is so with any record by it', () => {
    const bench = new Bench()
    bench.hears(said(record(HOST, Type.AAAA, addressData('fd00::7'))))
    expect(bench.news).toEqual([{ kind: 'taken', name: 'well-07.local', by: '10.9.0.7' }])
  })

  test.each([
    ['the same records', said(record(INSTANCE, Type.SRV, srvData(1883, HOST)))],
    ['a goodbye', said({ ...theirs, ttlSec: 0 })],
    ['another name', said(record(['other', ...TYPE], Type.SRV, srvData(1, ['other', 'local'])))],
    ['NSEC', said(record(HOST, Type.NSEC, nameData(HOST)))],
  ])('is not so for %s', (_, message) => {
    const bench = new Bench()
    bench.hears(message)
    expect(bench.news).toEqual([])
  })

  test('is not so for what does not come from the port of mDNS', () => {
    const bench = new Bench()
    bench.hears(said(theirs), { address: '10.9.0.7', port: 40_000 })
    expect(bench.news).toEqual([])
  })

  test('when it was ours: it is asked for again, and kept if nobody says so again', () => {
    const bench = settled()
    bench.hears(said(theirs))
    expect(bench.news).toEqual([])
    bench.hears(ask(question(INSTANCE, Type.SRV)))
    expect(bench.take()).toEqual([]) // not ours for now
    bench.runs(10_000)
    const [first] = bench.take()
    expect(first!.message.questions.map(({ name }) => textOf(name))).toEqual(['well-07._mqtt._tcp.local'])
    expect(bench.responder.isSettled).toBe(true)
  })

  test('when it was ours, and somebody says so again: it is taken', () => {
    const bench = settled()
    bench.hears(said(theirs))
    bench.runs(300)
    bench.hears(said(theirs))
    expect(bench.news).toMatchObject([{ kind: 'taken' }])
  })

  test('when two want it in the same moment, the later in order has it', () => {
    const bench = new Bench()
    bench.hears({ ...ask(question(INSTANCE, Type.ANY)), authorities: [record(INSTANCE, Type.TXT, Buffer.from([0]))] })
    expect(bench.responder.nextMs).toBe(1000) // TXT comes before SRV: ours is later
    bench.hears({ ...ask(question(INSTANCE, Type.ANY)), authorities: [record(INSTANCE, Type.TXT, Buffer.from([255])), record(INSTANCE, Type.SRV, srvData(65_535, HOST))] })
    expect(bench.responder.nextMs).toBe(2000)
    bench.runs(10_000)
    expect(bench.responder.isSettled).toBe(true)
  })

  test('two gateways of one name, started in the same moment: each ends with one of its own', () => {
    const [a, b] = [new Bench(WANTED, 0, ['10.9.0.1']), new Bench({ ...WANTED, addresses: ['10.9.0.2'] }, 0, ['10.9.0.2'])]
    let taken = 0
    for (let ms = 0; ms < 10_000; ms++) {
      for (const [one, other, address] of [[a, b, '10.9.0.1'], [b, a, '10.9.0.2']] as const) {
        one.runs(1)
        for (const { message } of one.take()) other.hears(message, { address, port: 5353 })
      }
      if (a.news.length === taken) continue
      taken = a.news.length
      a.set({ ...WANTED, host: { base: 'well-07', attempt: 2 }, instance: { base: 'well-07', attempt: taken } })
    }
    // The address is later in order; the service is another one only when its host has another name.
    expect(a.news.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['taken well-07.local', 'taken well-07._mqtt._tcp.local'])
    expect(b.news).toEqual([])
    for (const [one, name] of [[a, 'well-07-2'], [b, 'well-07']] as const) {
      expect(one.responder.isSettled).toBe(true)
      expect(one.responder.receive(ask(question([name, 'local'], Type.A)), { address: '10.9.0.7', port: 40_000 }, one.nowMs).send).toHaveLength(1)
    }
  })
})

describe('a question', () => {
  test('for services is answered a moment later, since others may have some too, with what comes next', () => {
    const bench = settled()
    bench.hears(ask(question(TYPE, Type.PTR)))
    bench.runs(1000)
    const [answer, ...more] = bench.take()
    expect(more).toEqual([])
    expect(answer!.atMs - (bench.nowMs - 1000)).toBe(20)
    expect(short(answer!.message.answers)).toEqual(['PTR _mqtt._tcp.local'])
    expect(answer!.message.answers[0]!.data).toEqual(nameData(INSTANCE))
    expect(short(answer!.message.additionals)).toEqual(['A well-07.local', 'SRV well-07._mqtt._tcp.local', 'TXT well-07._mqtt._tcp.local'])
  })

  test.each([
    ['for the host, in any case of letters', question(['WELL-07', 'Local'], Type.A), ['A well-07.local']],
    ['for all of it', question(INSTANCE, Type.ANY), ['SRV well-07._mqtt._tcp.local', 'TXT well-07._mqtt._tcp.local']],
    ['for what types there are', question(['_services', '_dns-sd', '_udp', 'local'], Type.PTR), ['PTR _services._dns-sd._udp.local']],
    ['for what a name of ours has not: that it has not', question(HOST, Type.AAAA), ['NSEC well-07.local']],
    ['for somebody else', question(['other', 'local'], Type.A), []],
  ])('%s', (_, asked, expected) => {
    const bench = settled()
    bench.hears(ask(asked))
    bench.runs(1000)
    expect(bench.takeAnswers()).toEqual(expected)
  })

  test('is not answered with what is known already, for more than half of its time', () => {
    const bench = settled()
    const known = { ...record(TYPE, Type.PTR, nameData(INSTANCE), 2250), flush: false }
    bench.hears({ ...ask(question(TYPE, Type.PTR)), answers: [known] })
    bench.runs(1000)
    expect(bench.take()).toEqual([])
    bench.hears({ ...ask(question(TYPE, Type.PTR)), answers: [{ ...known, ttlSec: 2249 }] })
    bench.runs(1000)
    expect(bench.takeAnswers()).toEqual(['PTR _mqtt._tcp.local'])
  })

  test('of which more follows waits for it', () => {
    const bench = settled()
    bench.hears({ ...ask(question(TYPE, Type.PTR)), isTruncated: true })
    bench.runs(399)
    expect(bench.take()).toEqual([])
    bench.hears({ ...EMPTY, answers: [{ ...record(TYPE, Type.PTR, nameData(INSTANCE), 4500), flush: false }] })
    bench.runs(1000)
    expect(bench.take()).toEqual([])
  })

  test('of which somebody else knows the rest is answered to everybody', () => {
    const bench = settled()
    bench.hears({ ...ask(question(TYPE, Type.PTR)), isTruncated: true })
    bench.hears({ ...EMPTY, answers: [{ ...record(TYPE, Type.PTR, nameData(INSTANCE), 4500), flush: false }] }, { address: '10.9.0.8', port: 5353 })
    bench.runs(1000)
    expect(bench.takeAnswers()).toEqual(['PTR _mqtt._tcp.local'])
  })

  test('that many ask is answered to all of them once a second', () => {
    const bench = settled()
    for (let i = 0; i < 500; i++) {
      bench.hears(ask(question(HOST, Type.A)), { address: `10.9.0.${i % 200}`, port: 5353 })
      bench.runs(10)
    }
    expect(bench.take().length).toBe(5)
  })

  test('that wants an answer for itself gets it, once everybody has heard it', () => {
    const bench = settled()
    bench.hears(ask(question(HOST, Type.A, true)))
    bench.runs(100)
    expect(bench.take().map(({ to }) => to)).toEqual([null])
    bench.hears(ask(question(HOST, Type.A, true)))
    expect(bench.take().map(({ to }) => to)).toEqual([PHONE])
  })

  test('of a program that does not speak mDNS is answered as DNS does', () => {
    const bench = settled()
    const from = { address: '10.9.0.7', port: 40_000 }
    bench.hears({ ...ask(question(HOST, Type.A)), id: 4711 }, from)
    const [answer] = bench.take()
    expect(answer).toMatchObject({ to: from, message: { id: 4711, questions: [{ name: HOST, type: Type.A }], answers: [{ flush: false, ttlSec: 10, data: Buffer.from([10, 9, 0, 1]) }] } })
  })

  test('of which too many come for one: they are counted, and not answered', () => {
    const bench = settled()
    const outcomes = Array.from({ length: 50 }, () => bench.responder.receive(ask(question(HOST, Type.A)), { address: '10.9.0.7', port: 40_000 }, bench.nowMs))
    expect(outcomes.filter(({ send }) => send.length > 0)).toHaveLength(20)
    expect(outcomes.filter(({ refused }) => refused)).toHaveLength(30)
    bench.nowMs += 1000
    expect(bench.responder.receive(ask(question(HOST, Type.A)), { address: '10.9.0.7', port: 40_000 }, bench.nowMs).send).toHaveLength(1)
  })
})

describe('what changes', () => {
  test('a service that goes says goodbye; the rest stays', () => {
    const bench = settled({ ...WANTED, services: [MQTT, HTTPS] })
    bench.set(WANTED)
    expect(bench.takeAnswers()).toEqual(['-PTR _services._dns-sd._udp.local', '-PTR _https._tcp.local', '-SRV well-07._https._tcp.local', '-TXT well-07._https._tcp.local', '-NSEC well-07._https._tcp.local'])
    bench.hears(ask(question(HOST, Type.A)))
    bench.runs(10)
    expect(bench.takeAnswers()).toEqual(['A well-07.local'])
  })

  test('a service that comes is asked for and announced; meanwhile the others are answered for', () => {
    const bench = settled()
    bench.set({ ...WANTED, services: [MQTT, HTTPS] })
    bench.hears(ask(question(HOST, Type.A)))
    bench.runs(10)
    expect(bench.takeAnswers()).toEqual(['A well-07.local'])
    bench.runs(5000)
    expect(bench.takeAnswers()).toEqual(Array.from({ length: 2 }, () => ['PTR _services._dns-sd._udp.local', 'PTR _https._tcp.local', 'SRV well-07._https._tcp.local', 'TXT well-07._https._tcp.local', 'NSEC well-07._https._tcp.local']).flat())
  })

  test('an address in place of another is announced at once, and replaces it', () => {
    const bench = settled()
    bench.set({ ...WANTED, addresses: ['10.9.0.5'] })
    bench.runs(5000)
    const said = bench.take()
    expect(said.flatMap(({ message }) => short(message.answers))).toEqual(['A well-07.local', 'A well-07.local'])
    expect(said[0]!.message.answers[0]).toMatchObject({ flush: true, data: Buffer.from([10, 9, 0, 5]) })
  })

  test('one address of two goes: the one that stays is announced, so that the other is forgotten', () => {
    const bench = settled({ ...WANTED, addresses: ['10.9.0.1', '10.9.0.5'] })
    bench.set(WANTED)
    bench.runs(5000)
    expect(bench.take()[0]!.message.answers).toMatchObject([{ flush: true, data: Buffer.from([10, 9, 0, 1]) }])
  })

  test('nothing changes: nothing is said', () => {
    const bench = settled()
    bench.set(WANTED)
    bench.runs(5000)
    expect(bench.take()).toEqual([])
  })

  test('the end: goodbye of everything', () => {
    const bench = settled()
    const [goodbye] = bench.responder.leave()
    expect(short(goodbye!.message.answers)).toEqual(['-A well-07.local', '-NSEC well-07.local', '-PTR _services._dns-sd._udp.local', '-PTR _mqtt._tcp.local', '-SRV well-07._mqtt._tcp.local', '-TXT well-07._mqtt._tcp.local', '-NSEC well-07._mqtt._tcp.local'])
    expect(bench.responder.nextMs).toBe(Infinity)
  })

  test('the end before the names were ours: nobody is told anything', () => {
    const bench = new Bench()
    bench.runs(300)
    expect(bench.responder.leave()).toEqual([])
  })

  test('somebody says goodbye of what is ours: it is said again', () => {
    const bench = settled()
    bench.hears(said(record(INSTANCE, Type.SRV, srvData(1883, HOST), 0)))
    bench.runs(1000)
    expect(bench.takeAnswers()).toEqual(['SRV well-07._mqtt._tcp.local'])
  })

  test('as many services as there may be go into packets that fit', () => {
    const services = Array.from({ length: 60 }, (_, i) => ({ ...MQTT, port: 2000 + i }))
    const bench = new Bench({ ...WANTED, services })
    bench.runs(10_000)
    const said = bench.take().filter(({ message }) => message.isResponse)
    expect(said.length).toBeGreaterThan(2)
    expect(Math.max(...said.map(({ message }) => encode(message).length))).toBeLessThanOrEqual(1400)
    expect(said.flatMap(({ message }) => short(message.answers)).filter((one) => one.startsWith('SRV'))).toHaveLength(120)
  })
})

describe('another program of this machine that tells the host’s name', () => {
  const avahi = said(record(HOST, Type.A, addressData('10.9.0.1')), record(HOST, Type.AAAA, addressData('fe80::1')))
  const HERE = ['10.9.0.1', 'fe80::1']

  test('is not somebody else', () => {
    const bench = new Bench(WANTED, 0, HERE)
    bench.hears(avahi)
    expect(bench.news).toEqual([{ kind: 'told-elsewhere', name: 'well-07.local' }])
  })

  test('when it comes later, both tell it: nothing is taken', () => {
    const bench = new Bench(WANTED, 0, HERE)
    bench.runs(10_000)
    bench.hears(avahi)
    expect(bench.news).toEqual([])
    expect(bench.responder.isSettled).toBe(true)
  })

  test('has the name to itself; when it ends, that is noticed', () => {
    const bench = new Bench(WANTED, 0, HERE)
    bench.set({ ...WANTED, addresses: [] }, 'well-07.local')
    bench.runs(10_000)
    expect(bench.takeAnswers().filter((one) => /^(A|AAAA|NSEC) well-07\.local/.test(one))).toEqual([])
    bench.hears(ask(question(HOST, Type.A)))
    bench.runs(1000)
    expect(bench.take()).toEqual([])
    bench.hears(said(record(HOST, Type.A, addressData('10.9.0.1'), 0)))
    expect(bench.news).toEqual([{ kind: 'told-no-more', name: 'well-07.local' }])
  })
})
