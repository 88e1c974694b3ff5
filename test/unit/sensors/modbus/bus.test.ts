// A bus in virtual time: whose turn it is, how long silences are, and what becomes of slaves that do not answer.
import { beforeEach, describe, expect, test } from 'vitest'
import type { BusConfig } from '../../../../src/config/config.ts'
import { type BusUser, ModbusBus } from '../../../../src/sensors/modbus/bus.ts'
import { JOBS_MAX, type Outcome } from '../../../../src/sensors/modbus/slave.ts'
import { crc16Modbus } from '../../../../src/sensors/serial/checksum.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'
import { FakePorts } from '../../../support/fake-ports.ts'

const BAUD = 9600
const CHARACTER_MS = 10_000 / BAUD
const TIMEOUT_MS = 100
/** A read of one register: 8 bytes out, 7 back. */
const WAIT_MS = 15 * CHARACTER_MS + TIMEOUT_MS

let clock: FakeClock
let ports: FakePorts
let bus: ModbusBus
let told: string[]
let outcomes: [number, unknown][]

function config(baud = BAUD, retries = 1): BusConfig {
  return { name: 'b', modbus: { line: { kind: 'serial', serial: { path: '/dev/ttyUSB0', baud, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } }, timeoutMs: TIMEOUT_MS, retries } }
}

function user(slave: number): BusUser {
  return { slave, opened: () => void told.push(`opened ${slave}`), lost: (why) => void told.push(`lost ${slave} ${why}`), shared: () => {}, stray: () => void told.push(`stray ${slave}`) }
}

async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await settle()
}

async function makeBus(slaves: readonly number[] = [1, 2], made: BusConfig = config()): Promise<BusUser[]> {
  bus = await ModbusBus.make(made, { clock, ports, random: () => 0 })
  const users = slaves.map(user)
  for (const one of users) bus.attach(one)
  await rest()
  return users
}

beforeEach(() => {
  clock = new FakeClock()
  ports = new FakePorts()
  told = []
  outcomes = []
})

function wordOf(outcome: Outcome): unknown {
  return 'bytes' in outcome ? outcome.bytes.toString('hex') : 'failed' in outcome ? outcome.failed : outcome.code
}

function ask(slave: number, address = 0): void {
  bus.request({ kind: 'read', slave, table: 'holding', address, count: 1 }, false, (outcome) => void outcomes.push([slave, wordOf(outcome)]))
}

function command(slave: number): void {
  bus.request({ kind: 'write', slave, address: 9, value: [1], multiple: false }, true, (outcome) => void outcomes.push([slave, wordOf(outcome)]))
}

function frame(hex: string): Buffer {
  const pdu = Buffer.from(hex, 'hex')
  const crc = Buffer.alloc(2)
  crc.writeUInt16LE(crc16Modbus(pdu))
  return Buffer.concat([pdu, crc])
}

function answer(slave: number, value = '0007'): void {
  ports.say(frame(`0${slave}0302${value}`))
}

/** Slave and function of what was sent since the last call. */
function sent(): string[] {
  return ports.written.splice(0).map((request) => `${request[0]}:${request[1]}`)
}

describe('turns', () => {
  test('one request at a time, slaves in turn, commands before readings', async () => {
    await makeBus([1, 2, 3])
    for (const slave of [1, 1, 1, 2, 3]) ask(slave)
    clock.advance(10)
    const order: string[] = []
    for (let i = 0; i < 6; i++) {
      const [one] = sent()
      order.push(one!)
      if (i === 0) command(1)
      const slave = Number(one![0])
      if (one!.endsWith(':6')) ports.say(frame('010600090001'))
      else answer(slave)
      expect(sent(), 'not before the silence').toEqual([])
      clock.advance(4)
    }
    expect(order).toEqual(['1:3', '2:3', '3:3', '1:6', '1:3', '1:3'])
    expect(outcomes.map(([slave]) => slave)).toEqual([1, 2, 3, 1, 1, 1])
  })

  test('3.5 characters of silence, 1.75 ms on a fast line', async () => {
    for (const [baud, silenceMs] of [[9600, 3.5 * CHARACTER_MS], [115_200, 1.75]] as const) {
      ports = new FakePorts()
      await makeBus([1], config(baud))
      ask(1)
      clock.advance(10)
      sent()
      clock.advance(20)
      answer(1)
      ask(1)
      clock.advance(silenceMs - 0.01)
      expect(sent()).toEqual([])
      clock.advance(0.02)
      expect(sent()).toEqual(['1:3'])
    }
  })

  test('the queue of a slave is bounded', async () => {
    await makeBus([1])
    for (let i = 0; i < JOBS_MAX + 3; i++) ask(1)
    expect(outcomes).toEqual([[1, 'full'], [1, 'full'], [1, 'full']])
  })

  test('an exception is an answer', async () => {
    await makeBus([1])
    ask(1)
    clock.advance(10)
    ports.say(frame('018302'))
    expect(outcomes).toEqual([[1, 2]])
  })

  test('a gateway that says nobody answered there is silence', async () => {
    await makeBus([1], config(BAUD, 0))
    ask(1)
    clock.advance(10)
    ports.say(frame('01830b'))
    expect(outcomes).toEqual([[1, 'silent']])
  })
})

describe('silence', () => {
  test('the wire has its time, then the time-out runs; the same goes out again when its late answer could not come any more', async () => {
    await makeBus([1])
    ask(1)
    clock.advance(10)
    sent()
    const sentAtMs = clock.now() - 10 + 3.5 * CHARACTER_MS
    clock.advance(sentAtMs + WAIT_MS - clock.now() - 0.1)
    expect(outcomes).toEqual([])
    clock.advance(TIMEOUT_MS)
    expect(sent()).toEqual([])
    clock.advance(0.2)
    expect(sent()).toEqual(['1:3'])
    answer(1)
    expect(outcomes).toEqual([[1, '0007']])
  })

  test('a late answer pays the debt at once, and is no answer to anybody', async () => {
    await makeBus([1, 2])
    ask(1)
    clock.advance(10)
    sent()
    clock.advance(WAIT_MS)
    ask(2)
    clock.advance(10)
    expect(sent()).toEqual(['2:3'])
    answer(1, 'dead')
    answer(2, '0002')
    clock.advance(10)
    expect(sent()).toEqual(['1:3'])
    answer(1, '0001')
    expect(outcomes).toEqual([[2, '0002'], [1, '0001']])
    expect(told.filter((one) => one.startsWith('stray'))).toEqual(['stray 1'])
  })

  test('after the last try it is left alone, longer each time up to a minute, and asked once', async () => {
    await makeBus([1])
    const askedAtSec: number[] = []
    for (let ms = 0; ms < 400_000; ms += 100) {
      if (ms % 500 === 0) ask(1)
      clock.advance(100)
      if (sent().length > 0) askedAtSec.push(Math.round(ms / 100) / 10)
    }
    const gaps = askedAtSec.slice(1).map((at, i) => Math.round(at - askedAtSec[i]!))
    const backoffsSec = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    for (const [i, gap] of gaps.entries()) expect(gap - (backoffsSec[i] ?? 60), `${gaps.join()} at ${i}`).toBeOneOf([0, 1])
    expect(gaps.length).toBeGreaterThan(9)
    expect(outcomes.filter(([, word]) => word === 'silent')).toHaveLength(askedAtSec.length - 1)
    expect(outcomes.filter(([, word]) => word === 'unsent').length).toBeGreaterThan(700)
  })

  test('one answer makes it well', async () => {
    await makeBus([1])
    ask(1)
    clock.advance(1000)
    expect(outcomes).toEqual([[1, 'silent']])
    clock.advance(1000)
    ask(1)
    clock.advance(10)
    sent()
    answer(1)
    ask(1)
    clock.advance(WAIT_MS + TIMEOUT_MS + 10)
    expect(sent(), 'with its retries').toEqual(['1:3', '1:3'])
  })

  test('others go on while one is silent', async () => {
    await makeBus([1, 2])
    let answered = 0
    let longestMs = 0
    let lastAtMs = clock.now()
    ports.onWrite = (request) => {
      if (request[0] !== 2) return
      clock.after(20, () => answer(2))
    }
    const again = (): void => bus.request({ kind: 'read', slave: 2, table: 'holding', address: 0, count: 1 }, false, () => {
      answered++
      longestMs = Math.max(longestMs, clock.now() - lastAtMs)
      lastAtMs = clock.now()
      again()
    })
    again()
    for (let ms = 0; ms < 60_000; ms += 100) {
      ask(1)
      clock.advance(100)
    }
    // 20 ms and a silence each; the silent one costs a time-out at 0, 0, 1, 3, 7, 15, 31 s.
    expect(answered).toBeGreaterThan((60_000 - 8 * WAIT_MS) / 25)
    expect(longestMs).toBeLessThan(WAIT_MS + 40)
  })

  test('what came but was no answer is garbled', async () => {
    await makeBus([1], config(BAUD, 0))
    ask(1)
    clock.advance(10)
    ports.say(Buffer.from('0103ff', 'hex'))
    clock.advance(WAIT_MS + 10)
    expect(outcomes).toEqual([[1, 'garbled']])
  })
})

describe('the line', () => {
  test('is opened by the first user and closed by the last, and stays open over time-outs', async () => {
    const users = await makeBus([1, 2])
    expect(told).toEqual(['opened 1', 'opened 2'])
    ask(1)
    clock.advance(10_000)
    expect([ports.opened, ports.open_]).toEqual([1, 1])
    const late = user(3)
    bus.attach(late)
    expect(told.at(-1)).toBe('opened 3')
    await bus.detach(users[0]!)
    await bus.detach(late)
    expect(ports.open_).toBe(1)
    await bus.detach(users[1]!)
    await bus.detach(users[1]!)
    expect([ports.open_, clock.pending]).toEqual([0, 0])
    bus.attach(users[0]!)
    await rest()
    expect([ports.opened, ports.open_]).toEqual([2, 1])
  })

  test('lost: what waits is answered, users hear why, and nothing is sent until it is back', async () => {
    await makeBus([1, 2])
    ask(1)
    ask(2)
    clock.advance(10)
    ports.events!.lost('Error: Input/output error')
    expect(outcomes).toEqual([[1, 'gone'], [2, 'gone']])
    expect(told.at(-1)).toMatch(/^lost 2 no device answers behind/)
    ask(1)
    expect(outcomes.at(-1)).toEqual([1, 'gone'])
    await clock.advanceAsync(2000)
    await rest()
    sent()
    ask(1)
    clock.advance(10)
    expect(sent()).toEqual(['1:3'])
  })

  test('a slave that nobody uses is not asked', async () => {
    await makeBus([1])
    ask(9)
    expect(outcomes).toEqual([[9, 'gone']])
  })
})
