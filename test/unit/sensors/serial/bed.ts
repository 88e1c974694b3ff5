// A serial source in virtual time, at a port that obeys the test.
import { expect } from 'vitest'
import type { SerialSensorConfig } from '../../../../src/config/config.ts'
import { makeMessage, type Message } from '../../../../src/message.ts'
import type { Fields, SourceDeps } from '../../../../src/sensors/sensor.ts'
import { LOOK_MS } from '../../../../src/sensors/serial/line.ts'
import { SerialSource } from '../../../../src/sensors/serial/serial.ts'
import { SensorRecord, type SensorState } from '../../../../src/sensors/state.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'
import { FakePorts } from '../../../support/fake-ports.ts'

export const PATH = '/dev/ttyUSB0'
export const CONFIG: SerialSensorConfig = {
  kind: 'serial',
  tenant: '',
  name: 'tank',
  topic: 'site/tank',
  qos: 0,
  retain: false,
  serial: { path: PATH, baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' },
  frame: { kind: 'line' },
  frameBytesMax: 20,
  checksum: null,
  decode: { kind: 'json' },
  poll: null,
  write: null,
  reading: null,
}

export function make(more: Partial<SerialSensorConfig> = {}) {
  const clock = new FakeClock()
  const ports = new FakePorts()
  const payloads: string[] = []
  const taken: Fields[] = []
  const states: SensorState[] = []
  const replies: string[] = []
  const log: string[] = []
  const fields: object[] = []
  const commands = new Map<string, (message: Message) => void>()
  const warn = (rest: object, text: string): void => {
    fields.push(rest)
    log.push(`warn ${text}`)
  }
  const config = { ...CONFIG, ...more }
  const record = new SensorRecord(config.name, clock.now(), (state) => void states.push(state))
  const deps: SourceDeps = {
    name: config.name,
    clock,
    log: { debug: () => {}, info: (_rest, text) => void log.push(`info ${text}`), warn },
    record,
    random: () => 0,
    numbers: { get: () => undefined, set: () => {} },
    take: (read) => void taken.push(read),
    pass: (payload) => {
      record.countReading()
      payloads.push(payload.toString())
    },
    gpsTime: () => {},
    subscribe: (topic, take) => void commands.set(topic, take),
    reply: (message) => void replies.push(message.payload.toString()),
  }
  const source = new SerialSource(config, deps, ports)
  const command = (topic: string, payload: string): void => commands.get(topic)!(makeMessage(topic, payload))
  const send = (text: string): void => ports.say(text)
  return { clock, ports, payloads, replies, taken, states, log, fields, source, record, send, command }
}

/** Everything that is under way gets its turns. */
export async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await settle()
}

export async function seconds(clock: FakeClock, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await clock.advanceAsync(LOOK_MS)
    await rest()
  }
}

export async function makeOpen(more: Partial<SerialSensorConfig> = {}) {
  const made = make(more)
  made.source.start()
  await rest()
  expect(made.record.snapshot.status).toBe('ok')
  return made
}
