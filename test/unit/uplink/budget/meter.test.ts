// How a link's bytes are known: who is asked when, and what an answer corrects.
import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import type { BudgetConfig } from '../../../../src/config/config.ts'
import type { InterfaceReading } from '../../../../src/uplink/budget/interface-counters.ts'
import { LinkMeter, type WireConnection } from '../../../../src/uplink/budget/meter.ts'
import { lookupBytes } from '../../../../src/uplink/budget/wire-estimate.ts'
import type { TcpInfo } from '../../../../src/uplink/budget/tcp-info.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const INFO: TcpInfo = { bytesSent: 0, bytesSentAgain: 0, bytesReceived: 0, segmentsSent: 10, segmentsReceived: 10, timestamps: true, segmentBytesMax: 1448 }

class FakeSocket extends EventEmitter {
  bytesWritten = 0
  bytesRead = 0
  localPort: number | undefined = undefined
  remotePort: number | undefined = undefined
  remoteFamily: string | undefined = undefined

  connected(family = 'IPv4'): void {
    Object.assign(this, { localPort: 40_000, remotePort: 8883, remoteFamily: family })
    this.emit('connect')
  }
}

class Bed {
  readonly clock = new FakeClock()
  readonly costs: (readonly [number, boolean])[] = []
  spent = 0
  asked = 0
  answer: TcpInfo | null | 'unavailable' = null
  reading: InterfaceReading | null = null
  socket = new FakeSocket()
  readonly meter: LinkMeter

  constructor(counts: BudgetConfig['counts'] = 'auto') {
    this.meter = new LinkMeter(counts, {
      clock: this.clock,
      spend: (bytes) => (this.spent += bytes),
      connectCost: (bytes, accepted) => void this.costs.push([bytes, accepted]),
      ask: async () => {
        this.asked++
        return this.answer
      },
      readInterface: async () => this.reading,
    })
  }

  open(host = '10.0.0.1'): WireConnection {
    this.socket = new FakeSocket()
    const connection = this.meter.open(this.socket, host)
    this.socket.emit('connectionAttempt')
    return connection
  }

  openAndConnect(host?: string): WireConnection {
    const connection = this.open(host)
    this.socket.connected()
    return connection
  }

  async reads(reading: Partial<InterfaceReading> | null): Promise<void> {
    this.reading = reading === null ? null : { index: 7, isMobile: true, headerBytes: 0, receivedBytes: 0, sentBytes: 0, receivedPackets: 0, sentPackets: 0, ...reading }
    await this.clock.advanceAsync(10_000)
  }
}

let bed: Bed
beforeEach(() => {
  bed = new Bed()
})

describe('without the kernel', () => {
  test('opening, bytes and the end are estimated', () => {
    const connection = bed.openAndConnect()
    const opening = Math.round((2 * 60 + 5 * 52) * 1.04)
    expect(bed.spent).toBe(opening)
    bed.socket.bytesWritten = 1000
    connection.moved()
    expect(bed.spent).toBe(Math.round((2 * 60 + 5 * 52 + 1000 + 2 * 52) * 1.04))
    bed.socket.emit('close')
    expect(bed.spent).toBeGreaterThan(opening + 1000 + 5 * 52)
    const { spent } = bed
    bed.clock.advance(3_600_000)
    expect(bed.spent).toBe(spent)
    expect(bed.clock.pending).toBe(0)
  })

  test('bytes that TLS encrypts a moment later are seen', () => {
    const connection = bed.openAndConnect()
    connection.moved()
    const { spent } = bed
    bed.socket.bytesWritten = 500
    bed.clock.advance(20)
    expect(bed.spent).toBeGreaterThan(spent + 500)
  })

  test('bytes that nobody tells of are seen within a second', () => {
    bed.openAndConnect()
    const { spent } = bed
    bed.socket.bytesRead = 500
    bed.clock.advance(1000)
    expect(bed.spent).toBeGreaterThan(spent + 500)
  })

  test('a name costs its lookup; a name server that does not answer is asked again', () => {
    bed.open('broker.example.com')
    expect(bed.spent).toBe(lookupBytes('broker.example.com'))
    bed.clock.advance(11_000)
    expect(bed.spent).toBe(3 * lookupBytes('broker.example.com'))
    bed.socket.emit('close')
    expect(bed.costs).toEqual([[3 * lookupBytes('broker.example.com'), false]])
  })

  test('an attempt that nobody answers costs SYNs as long as it lasts', () => {
    bed.open()
    expect(bed.spent).toBe(60)
    bed.clock.advance(20_000)
    expect(bed.spent).toBe(9 * 60)
    bed.socket.emit('close')
    expect(bed.costs).toEqual([[Math.round((9 * 60 + 52) * 1.04), false]])
  })

  test('every address that is tried costs', () => {
    bed.open()
    bed.socket.emit('connectionAttempt')
    bed.socket.emit('connectionAttempt')
    bed.socket.connected('IPv6')
    bed.socket.emit('close')
    expect(bed.spent).toBeGreaterThan(2 * (60 + 52) + 2 * 80 + 9 * 72)
  })

  test('the cost of a connection is told when it is accepted, once', () => {
    const connection = bed.openAndConnect()
    bed.socket.bytesWritten = 1700
    bed.socket.bytesRead = 2500
    connection.moved()
    connection.accepted()
    connection.accepted()
    bed.socket.emit('close')
    expect(bed.costs).toEqual([[expect.any(Number), true]])
    expect(bed.costs[0]![0]).toBeGreaterThan(4700)
  })
})

describe('with the kernel', () => {
  test('it is asked when a burst is over, and its answer counts', async () => {
    const connection = bed.openAndConnect()
    bed.answer = { ...INFO, bytesSent: 5000 }
    bed.socket.bytesWritten = 5000
    connection.moved()
    const estimated = bed.spent
    await bed.clock.advanceAsync(1500)
    expect(bed.asked).toBe(0)
    await bed.clock.advanceAsync(1500)
    expect([bed.asked, bed.meter.countedBy]).toEqual([1, 'kernel'])
    // 5000 + 20 headers + the SYNs' options: more than was estimated
    expect(bed.spent).toBe(Math.max(estimated, 5000 + 20 * 52 + 16))
    await bed.clock.advanceAsync(3_600_000)
    expect(bed.asked).toBeLessThan(12) // silence after a write may be a dead link; after two minutes it is just silence
  })

  test('what it has not seen yet goes on top', async () => {
    const connection = bed.openAndConnect()
    bed.answer = { ...INFO, bytesSent: 5000 }
    bed.socket.bytesWritten = 15_000
    connection.moved()
    await bed.clock.advanceAsync(3000)
    expect(bed.spent).toBeGreaterThan(15_000 + 20 * 52)
    bed.answer = { ...INFO, bytesSent: 16_000, bytesSentAgain: 1000, segmentsSent: 40 }
    await bed.clock.advanceAsync(20_000)
    expect(bed.spent).toBe(16_000 + Math.round(10 * 52 * (1 + 1 / 16)) + 40 * 52 + 16)
  })

  test('nothing that was told is taken back: what was too much is used up first', async () => {
    const connection = bed.openAndConnect()
    bed.socket.bytesWritten = 50_000
    connection.moved()
    const { spent } = bed
    bed.answer = { ...INFO, bytesSent: 50_000, segmentsSent: 20 }
    await bed.clock.advanceAsync(3000)
    expect(bed.spent).toBe(spent)
    bed.socket.bytesWritten = 50_500
    connection.moved()
    expect(bed.spent).toBe(spent)
  })

  test('in the midst of much it is asked every 64 kB, every two seconds at most', async () => {
    const connection = bed.openAndConnect()
    bed.answer = INFO
    for (let i = 0; i < 100; i++) {
      bed.socket.bytesWritten += 64_000
      bed.answer = { ...INFO, bytesSent: bed.socket.bytesWritten }
      connection.moved()
      await bed.clock.advanceAsync(100)
    }
    expect(bed.asked).toBeGreaterThanOrEqual(3)
    expect(bed.asked).toBeLessThanOrEqual(5)
  })

  test('it is asked once more at the end, and its answer may come after that', async () => {
    const connection = bed.openAndConnect()
    bed.socket.bytesWritten = 50_000
    bed.answer = { ...INFO, bytesSent: 90_000, bytesSentAgain: 40_000, segmentsSent: 80 }
    connection.ending()
    bed.socket.emit('close')
    await bed.clock.advanceAsync(0)
    expect(bed.asked).toBe(1)
    expect(bed.spent).toBeGreaterThan(90_000 + 80 * 52)
    expect(bed.clock.pending).toBe(0)
  })

  test('a connection that died before it could be asked is estimated', async () => {
    const connection = bed.openAndConnect()
    bed.socket.bytesWritten = 50_000
    connection.moved()
    bed.answer = null
    connection.ending()
    bed.socket.emit('close')
    await bed.clock.advanceAsync(0)
    expect(bed.spent).toBeGreaterThan(50_000)
    expect(bed.meter.countedBy).toBe('estimate')
  })

  test('a system that cannot tell is asked once', async () => {
    bed.answer = 'unavailable'
    for (let i = 0; i < 3; i++) {
      const connection = bed.openAndConnect()
      bed.socket.bytesWritten = 5000
      connection.moved()
      await bed.clock.advanceAsync(60_000)
      bed.socket.emit('close')
    }
    expect([bed.asked, bed.meter.countedBy]).toEqual([1, 'estimate'])
  })
})

describe('with an interface', () => {
  test('all that goes over it counts, whoever sends it, also while nothing is connected', async () => {
    bed.meter.useInterface('ppp0')
    await bed.reads({ receivedBytes: 1_000_000 })
    await bed.reads({ receivedBytes: 1_003_000, sentBytes: 500 })
    expect([bed.spent, bed.meter.countedBy, bed.asked]).toEqual([3500, 'interface', 0])
  })

  test('between two readings the estimate goes on, and is not counted twice', async () => {
    bed.meter.useInterface('ppp0')
    await bed.reads({})
    const connection = bed.openAndConnect()
    bed.socket.bytesWritten = 10_000
    connection.moved()
    expect(bed.spent).toBeGreaterThan(10_000)
    expect(bed.spent).toBeLessThan(12_000)
    await bed.reads({ sentBytes: 12_000 })
    await bed.reads({ sentBytes: 12_000 })
    expect([bed.spent, bed.asked]).toEqual([12_000, 0])
    bed.socket.bytesWritten = 11_000
    connection.moved()
    expect(bed.spent).toBeGreaterThan(13_000)
    expect(bed.spent).toBeLessThan(13_300)
  })

  test('it goes and comes back with new counters: what was last sent is known from the connection', async () => {
    bed.meter.useInterface('ppp0')
    await bed.reads({ sentBytes: 700 })
    const connection = bed.openAndConnect()
    bed.socket.bytesWritten = 1000
    connection.moved()
    const { spent } = bed
    bed.socket.emit('close')
    await bed.reads(null)
    expect(bed.meter.countedBy).not.toBe('interface')
    const gone = bed.spent
    expect(gone).toBeGreaterThanOrEqual(spent)
    await bed.reads({ index: 8, sentBytes: 400 })
    expect([bed.spent, bed.meter.countedBy]).toEqual([gone + 400, 'interface'])
  })

  test('hung up and dialled again', async () => {
    bed.meter.useInterface('ppp0')
    await bed.reads({ sentBytes: 700 })
    bed.reading = { ...bed.reading!, sentBytes: 900 }
    await bed.meter.settle()
    bed.meter.useInterface(null)
    expect([bed.spent, bed.clock.pending]).toEqual([200, 0])
    bed.meter.useInterface('ppp0')
    await bed.reads({ index: 9, sentBytes: 50 })
    expect(bed.spent).toBe(250)
  })

  test('auto: one that is no modem is not counted', async () => {
    bed.meter.useInterface('eth0')
    await bed.reads({ isMobile: false })
    await bed.reads({ isMobile: false, receivedBytes: 1_000_000 })
    expect([bed.spent, bed.meter.countedBy, bed.clock.pending]).toEqual([0, 'estimate', 0])
  })

  test('interface: it is counted whatever it is', async () => {
    bed = new Bed('interface')
    bed.meter.useInterface('eth0')
    await bed.reads({ isMobile: false, headerBytes: 14 })
    await bed.reads({ isMobile: false, headerBytes: 14, receivedBytes: 1140, receivedPackets: 10 })
    expect([bed.spent, bed.meter.countedBy]).toEqual([1000, 'interface'])
  })

  test('connection: it is never looked at', async () => {
    bed = new Bed('connection')
    bed.meter.useInterface('ppp0')
    await bed.reads({ receivedBytes: 1000 })
    expect([bed.spent, bed.clock.pending]).toEqual([0, 0])
  })

  test('a connection that is never quiet: the interface is believed once a minute', async () => {
    bed.meter.useInterface('ppp0')
    await bed.reads({})
    const connection = bed.openAndConnect()
    let sentBytes = 0
    for (let second = 0; second < 600; second++) {
      bed.socket.bytesWritten += 1000
      connection.moved()
      sentBytes += 1020 // the estimate says more: two headers for each
      bed.reading = { ...bed.reading!, sentBytes }
      await bed.clock.advanceAsync(1000)
    }
    expect(bed.spent).toBeGreaterThan(sentBytes)
    expect(bed.spent).toBeLessThan(sentBytes + 75 * 1200)
    expect(bed.spent - sentBytes).toBeLessThan(10_000)
  })
})
