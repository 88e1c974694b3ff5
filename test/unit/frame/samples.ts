// Messages from a seed: the same seed gives the same messages. What devices send, and what nobody should.
import type { FrameMessage } from '../../../src/frame/frame.ts'
import type { Random } from '../../sim/random.ts'

export const STREAM = Buffer.from('a1b2c3d4e5f6', 'hex')

/** One message, with what is not said as it mostly is. */
export function message(fields: Partial<FrameMessage> & { readonly text?: string } = {}): FrameMessage {
  const { text = '', ...rest } = fields
  return {
    topic: 'site/sensor',
    payload: Buffer.from(text),
    qos: 1,
    retain: false,
    properties: null,
    timeMs: 1_790_000_000_000,
    timeQuality: 2,
    sequence: 1,
    expiresAfterSec: null,
    ...rest,
  }
}

/** Plain for comparing: Buffer and Uint8Array are equal then. */
export function plain(messages: readonly FrameMessage[]): unknown[] {
  return messages.map((it) => ({ ...it, payload: hex(it.payload), properties: it.properties === null ? null : hex(it.properties) }))
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

// ---- what devices send

/** Of a normal distribution. */
export function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

interface Device {
  readonly periodMs: number
  /** Topic and payload of its k-th message. */
  readonly make: (k: number, timeMs: number) => readonly [string, string]
}

/** So many messages of devices with periods of their own, a few milliseconds of jitter each. */
export function readings(devices: readonly Device[], count: number, random: Random): FrameMessage[] {
  const start = 1_790_000_000_000
  const rate = devices.reduce((sum, { periodMs }) => sum + 1 / periodMs, 0)
  const all: { timeMs: number; topic: string; payload: Buffer }[] = []
  for (const { periodMs, make } of devices) {
    const phase = random.next() * periodMs
    const period = periodMs * (1 + (random.next() - 0.5) * 5e-5)
    for (let k = 0; phase + k * period < (count / rate) * 1.1; k++) {
      const exactMs = start + phase + k * period
      const [topic, payload] = make(k, exactMs)
      all.push({ timeMs: Math.round(exactMs + 3 * Math.abs(gauss(random))), topic, payload: Buffer.from(payload) })
    }
  }
  all.sort((a, b) => a.timeMs - b.timeMs)
  return all.slice(0, count).map((it, i) => message({ ...it, sequence: 1000 + i }))
}

/** Slow temperatures with two decimals. */
export function smooth(count: number, random: Random): FrameMessage[] {
  const devices = Array.from({ length: 8 }, (_, i) => {
    let value = 20 + i
    return {
      periodMs: 10_000,
      make: (): readonly [string, string] => [`greenhouse/${i}/temperature`, (value += 0.003 * gauss(random)).toFixed(2)],
    }
  })
  return readings(devices, count, random)
}

/** Four steps of noise around a slow mean. */
export function noisy(count: number, random: Random): FrameMessage[] {
  const devices = Array.from({ length: 4 }, (_, i) => ({
    periodMs: 5000,
    make: (k: number): readonly [string, string] => [`plant/vibration/${i}`, (50 + 3 * Math.sin(k / 500) + 0.4 * gauss(random)).toFixed(1)],
  }))
  return readings(devices, count, random)
}

/** JSON of several kinds of devices. */
export function mixed(count: number, random: Random): FrameMessage[] {
  const devices = Array.from({ length: 6 }, (_, i): Device => {
    let t = 21
    if (i % 2 === 0) {
      const make = (k: number): readonly [string, string] => [
        `farm/climate${i}`,
        JSON.stringify({ temp: round((t += 0.02 * gauss(random)), 2), hum: round(48 + gauss(random), 1), n: k, batt: 3.61 }),
      ]
      return { periodMs: 10_000, make }
    }
    const make = (_k: number, timeMs: number): readonly [string, string] => [
      `farm/gate${i}`,
      `{"id":"gate-${i}","open":${random.chance(0.1)},"rssi":${Math.round(-70 + 2 * gauss(random))},"up":${Math.floor(timeMs / 1000) - 1_780_000_000}}`,
    ]
    return { periodMs: 30_000, make }
  })
  return readings(devices, count, random)
}

/** Devices with periods, on a gateway whose clock is put forward and back, by more than a period. */
export function jumping(count: number, random: Random): FrameMessage[] {
  let shiftMs = 0
  return smooth(count, random).map((it) => {
    if (random.chance(0.03)) shiftMs += random.pick([-60_000, -20_000, -5000, 5000, 20_000, 30_000, 60_000])
    return { ...it, timeMs: it.timeMs + shiftMs }
  })
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals))
}

// ---- what nobody should

/** Numbers as somebody may write them. */
const ODD_NUMBERS = [
  'NaN', '-0', '-0.0', '1e5', '1.0E+3', '007', '00', '+5', '12345678901234567890', '1e400', 'null', '.5', '5.', '--1', '1.5e-7', '0x1f', '21.50',
  '99999999999999.99', '-', '', '1,000', '-9007199254740993', '0.1', '0.30000000000000004', '999999999999999', '1000000000000000',
]

function number(random: Random, value: number, style: number): string {
  if (random.chance(0.03)) return random.pick(ODD_NUMBERS)
  switch (style % 8) {
    case 0: return String(value)
    case 1: return (value / 10).toFixed(1)
    case 2: return String(value / 100)
    case 3: return (value / 16).toFixed(2)
    case 4: return String(Math.fround(value / 10))
    case 5: return String(value * 0.1)
    case 6: return value.toFixed(3)
    default: return String(value).padStart(4, '0')
  }
}

function bytes(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: random.int(0, most) }, () => random.int(0, 255)))
}

function record(value: number, i: number): Buffer {
  const buffer = Buffer.alloc(14)
  buffer.writeInt16LE(Math.max(-32768, Math.min(32767, value)), 0)
  buffer.writeFloatBE(value / 10, 2)
  buffer.writeUInt32LE(i, 6)
  buffer.writeUInt16BE(value & 0xffff, 10)
  return buffer
}

type Maker = (random: Random, value: number, i: number, timeMs: number, style: number) => Buffer
const text = (make: (random: Random, value: number, i: number, timeMs: number, style: number) => string): Maker => (...all) => Buffer.from(make(...all))

const MAKERS: readonly Maker[] = [
  text((random, value, _i, _t, style) => number(random, value, style)),
  text((random, value, _i, _t, style) => `{"t":${number(random, value, style)},"h":${number(random, value, style + 1)},"s":"${random.pick(['ok', 'bad', 'a\\"b', ''])}"}`),
  text((random, value, _i, _t, style) => `${number(random, value, style)};${number(random, value, style)}\r\n`),
  text((random, value) => JSON.stringify({ a: value, b: random.pick(['x', 'y']), c: [value, 1.5, null, { d: [] }] })),
  text((random, value, i, _t, style) => `{"x":${i % 3 === 0 ? 'null' : number(random, value, style)},"x":${number(random, value, style)}}`),
  text((random, value, _i, timeMs, style) => `{"ts":"${new Date(timeMs).toISOString()}","v":${number(random, value, style)}}`),
  text((random, value, _i, timeMs, style) => `${new Date(timeMs).toISOString().slice(11, 19)},${number(random, value, style)},${timeMs}`),
  text((random, value, _i, timeMs, style) => `w,h=${random.int(0, 2)} f=${number(random, value, style)} ${timeMs}${String(random.int(0, 999_999)).padStart(6, '0')}`),
  text((random, value, _i, _t, style) => [...'\0\x01é€😀'].slice(0, random.int(0, 5)).join('') + number(random, value, style)),
  text((random, value) => `[${Array.from({ length: random.chance(0.9) ? 8 : random.int(0, 300) }, () => value + random.int(-3, 3)).join(', ')}]`),
  text((random) => 'lorem ipsum '.repeat(random.int(0, 30)) + random.int(0, 1000)),
  text(() => ''),
  text((random) => random.pick(['on', 'off', 'unknown'])),
  (_random, value, i) => record(value, i),
  (random) => bytes(random, 40),
  (random) => (random.chance(0.95) ? bytes(random, 300) : bytes(random, 60_000)),
  (random) => Buffer.alloc(random.chance(0.98) ? random.int(0, 400) : random.int(0, 300_000), random.int(0, 255)),
  (random) => Buffer.concat([Buffer.from([0xc3, 0x28, 0xff, 0xfb, 0xf8, 0xf9, 0xfa]), bytes(random, 3)]),
]

/** Some topics with payloads of all kinds, some changes of everything else. */
export function nasty(random: Random): FrameMessage[] {
  const names = Array.from({ length: random.int(1, 6) }, (_, i) => (random.chance(0.1) ? `😀/ü/${i}` : random.chance(0.1) ? 'x'.repeat(random.int(1, 300)) : `t/${i}/${random.int(0, 3)}`))
  const topics = names.map((topic) => ({ topic, make: random.pick(MAKERS), style: random.int(0, 7), value: random.int(-1000, 1000), has: random.int(0, 3) }))
  const messages: FrameMessage[] = []
  let timeMs = random.chance(0.2) ? random.int(0, 100_000) : 1_790_000_000_000
  let sequence = random.chance(0.1) ? 2 ** 43 : random.int(0, 1_000_000)
  for (let i = random.int(1, random.chance(0.1) ? 600 : 60); i > 0; i--) {
    const it = random.pick(topics)
    it.value += random.int(-2, 2)
    timeMs = Math.max(0, timeMs + (random.chance(0.02) ? random.int(-5000, 100_000_000) : random.int(0, 3000)))
    sequence += random.chance(0.1) ? random.int(1, 1000) : 1
    messages.push({
      topic: it.topic,
      payload: it.make(random, it.value, i, timeMs, it.style),
      qos: random.chance(0.05) ? random.pick([0, 1, 2] as const) : 1,
      retain: random.chance(0.03),
      properties: it.has === 0 ? properties(random) : null,
      timeMs,
      timeQuality: random.chance(0.02) ? random.pick([0, 1, 2] as const) : 2,
      sequence,
      expiresAfterSec: it.has === 1 ? random.int(0, 5) * 100 : null,
    })
  }
  return messages
}

function properties(random: Random): Buffer {
  return random.chance(0.1) ? Buffer.alloc(0) : Buffer.from(`\x26\0\x03key\0\x05v${random.int(1000, 1003)}`, 'latin1')
}
