// Outputs in virtual time, at lines that obey the test. The kernel's lines, kills and restarts: test/vm/gpio.test.ts.
import { describe, expect, test } from 'vitest'
import type { FailSafeConfig, OutputConfig } from '../../../src/config/config.ts'
import { makeMessage, type Message } from '../../../src/message.ts'
import { correlationProperty, responseOf } from '../../../src/mqtt/response.ts'
import { LOOK_MS, RETRY_MS_MIN } from '../../../src/gpio/held.ts'
import { Output, type OutputState } from '../../../src/outputs/output.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import { FakeGpio } from '../../support/fake-gpio.ts'

const COMMAND = 'pump/set'
const STATE = 'pump'
const ASKER = {}
const FAIL_SAFE: FailSafeConfig = { on: false, clientGoneMs: 30_000, uplinkGone: { name: 'cloud', afterMs: 60_000 } }

const configOf = (more: Partial<OutputConfig> = {}): OutputConfig => ({
  name: 'pump',
  tenant: '',
  gpio: { line: { kind: 'name', name: 'GPIO27' }, interface: 'auto', activeLow: false, drive: 'push-pull' },
  command: COMMAND,
  state: STATE,
  qos: 1,
  start: 'off',
  failSafe: null,
  onMsMin: 0,
  offMsMin: 0,
  atStop: 'keep',
  ...more,
})

/** A machine that outlives the runs of the gateway on it. */
class Site {
  readonly clock = new FakeClock()
  readonly gpio = new FakeGpio()
  readonly numbers = new Map<string, number>()
  readonly told: string[] = []
  readonly replies: (Record<string, unknown> & { readonly to: object | null })[] = []
  readonly log: string[] = []
  boot = 0xb007
  online = true
  uplinkUp = true
  states: OutputState[] = []
  #take: (message: Message) => void = () => {}

  get line() {
    return this.gpio.line('GPIO27')
  }

  make(config: OutputConfig): Output {
    return new Output(config, {
      clock: this.clock,
      log: { debug: () => {}, info: () => {}, warn: (_, text) => void this.log.push(text) },
      random: () => 0,
      gpio: this.gpio,
      numbers: { get: (key) => this.numbers.get(key), set: (key, value) => void this.numbers.set(key, value) },
      boot: this.boot,
      subscribe: (topic, take) => {
        expect(topic).toBe(COMMAND)
        this.#take = take
      },
      publish: (message) => {
        expect([message.topic.name, message.retain, message.qos]).toEqual([STATE, true, 1])
        this.told.push(message.payload.toString())
      },
      reply: (message, to) => void this.replies.push({ ...(JSON.parse(message.payload.toString()) as object), topic: message.topic.name, correlation: responseOf(message.properties).correlation?.toString(), to }),
      clientOnline: () => this.online,
      uplinkUp: (name) => name === 'cloud' && this.uplinkUp,
      stateChanged: (state) => void this.states.push(state),
    })
  }

  async started(more: Partial<OutputConfig> = {}): Promise<Output> {
    const output = this.make(configOf(more))
    output.start()
    await settle()
    return output
  }

  /** As a client of MQTT 5 that wants an answer. */
  command(payload: string, topic = 'answers'): void {
    const name = Buffer.from(topic)
    const response = Buffer.concat([Buffer.of(0x08, 0, name.length), name, correlationProperty(Buffer.from('17'))])
    this.#take(makeMessage(COMMAND, payload, { properties: response, origin: ASKER }))
  }

  get answers(): unknown[] {
    return this.replies.splice(0).map(({ status, value, why }) => (why === undefined ? [status, value] : [status, value, why]))
  }
}

describe('commands', () => {
  test('drive the line, are answered where they asked for it, and the state is told, retained', async () => {
    const site = new Site()
    const output = await site.started()
    expect(site.told).toEqual(['off'])
    site.command('on')
    expect(site.line.high).toBe(true)
    expect(site.told).toEqual(['off', 'on'])
    expect(site.replies).toEqual([{ status: 'done', value: true, topic: 'answers', correlation: '17', to: ASKER }])
    site.command('on')
    expect(site.told, 'nothing is told twice').toEqual(['off', 'on'])
    expect(site.line.writes).toEqual([true])
    expect(output.state).toMatchObject({ name: 'pump', status: 'ok', on: true, commands: 2, refused: 0 })
    await output.stop()
    expect([site.line.high, site.line.isOpen]).toEqual([true, false])
  })

  test('that are none are refused, and change nothing', async () => {
    const site = new Site()
    const output = await site.started()
    site.command('full steam')
    expect(site.answers).toEqual([['refused', false, 'write on, off, toggle, or {"value":true,"for":"10s"}']])
    expect(site.line.writes).toEqual([])
    expect(output.state).toMatchObject({ commands: 1, refused: 1 })
    await output.stop()
  })

  test("answers never go to the broker's own topics", async () => {
    const site = new Site()
    const output = await site.started()
    site.command('on', '$SYS/broker/uptime')
    expect([site.line.high, site.replies]).toEqual([true, []])
    await output.stop()
  })

  test('that come before the line is open wait for it, the latest one', async () => {
    const site = new Site()
    const output = site.make(configOf())
    output.start()
    site.command('off')
    site.command('on')
    expect(site.answers).toEqual([['refused', null, 'a later command took its place']])
    await settle()
    expect(site.answers).toEqual([['done', true]])
    await output.stop()
  })

  test('wait for a least time, are answered twice, and can be replaced', async () => {
    const site = new Site()
    const output = await site.started({ offMsMin: 60_000 })
    site.clock.advance(10_000)
    site.command('on')
    expect(output.state.waiting).toBe(true)
    site.command('{"value":true,"for":"5s"}')
    expect(site.answers).toEqual([['waiting', false, 'it stays off for 50 s more'], ['refused', false, 'a later command took its place'], ['waiting', false, 'it stays off for 50 s more']])
    site.clock.advance(49_999)
    expect(site.line.high).toBe(false)
    site.clock.advance(1)
    expect([site.line.high, site.answers]).toEqual([true, [['done', true]]])
    site.clock.advance(5000)
    expect([site.line.high, site.told]).toEqual([false, ['off', 'on', 'off']])
    await output.stop()
  })
})

describe('start and restart', () => {
  test.each([
    ['off', undefined, false],
    ['on', undefined, true],
    ['last', undefined, false],
    ['last', 1, true],
    ['off', 1, false],
  ] as const)("after the machine's start: %s, having been %s", async (start, last, on) => {
    const site = new Site()
    if (last !== undefined) site.numbers.set('output/pump/last', last)
    Object.assign(site.line, { isOutput: true, high: !on }) // whatever the firmware left
    const output = await site.started({ start })
    expect([site.line.high, site.line.outputSpec!.force, site.told]).toEqual([on, true, [on ? 'on' : 'off']])
    await output.stop()
  })

  test.each([true, false])('a restart changes nothing: %s', async (on) => {
    const site = new Site()
    const first = await site.started()
    site.command(on ? 'on' : 'off')
    await first.stop()
    site.line.writes.length = 0
    const second = await site.started({ start: on ? 'off' : 'on' })
    expect([site.line.high, site.line.writes, site.line.outputSpec!.force, second.state.on]).toEqual([on, [], false, on])
    await second.stop()
  })

  test('a restart on a chip that makes an input of it: what it was last', async () => {
    const site = new Site()
    const first = await site.started()
    site.command('on')
    await first.stop()
    Object.assign(site.line, { isOutput: false, high: false })
    const second = await site.started()
    expect(site.line.high).toBe(true)
    await second.stop()
  })

  test('the end of a pulse outlives a restart, not a start of the machine', async () => {
    const site = new Site()
    const first = await site.started()
    site.command('{"value":true,"for":"10s"}')
    site.clock.advance(4000)
    await first.stop()
    site.clock.advance(2000)
    const second = await site.started()
    site.clock.advance(3999)
    expect(site.line.high).toBe(true)
    site.clock.advance(1)
    expect(site.line.high).toBe(false)
    site.command('{"value":true,"for":"10s"}')
    await second.stop()
    site.boot++
    const third = await site.started({ start: 'on' })
    site.clock.advance(60_000)
    expect(site.line.high).toBe(true)
    await third.stop()
  })

  test('an orderly stop makes it safe where that is asked for, least time or not', async () => {
    const site = new Site()
    const output = await site.started({ atStop: 'failSafe', failSafe: FAIL_SAFE, onMsMin: 60_000 })
    site.command('on')
    await output.stop()
    expect([site.line.high, site.told]).toEqual([false, ['off', 'on', 'off']])
    expect(site.clock.pending).toBe(0)
  })
})

describe('fail-safe', () => {
  test('when the client has gone', async () => {
    const site = new Site()
    const output = await site.started({ failSafe: FAIL_SAFE })
    site.command('on')
    site.online = false
    site.clock.advance(30_000)
    expect(site.line.high).toBe(true)
    site.clock.advance(2000)
    expect([site.line.high, output.state.madeSafe, site.log]).toEqual([false, 1, ['output "pump" is made off: the client that commanded it has gone']])
    site.online = true
    site.command('on')
    site.clock.advance(60_000)
    expect(site.line.high).toBe(true)
    await output.stop()
  })

  test('when the uplink is down; a command on the spot holds', async () => {
    const site = new Site()
    const output = await site.started({ failSafe: FAIL_SAFE })
    site.command('on')
    site.uplinkUp = false
    site.clock.advance(62_000)
    expect(site.line.high).toBe(false)
    site.command('on')
    site.clock.advance(600_000)
    expect(site.line.high).toBe(true)
    await output.stop()
  })

  test('waits for the least time too', async () => {
    const site = new Site()
    const output = await site.started({ failSafe: FAIL_SAFE, onMsMin: 120_000 })
    site.command('on')
    site.online = false
    site.clock.advance(119_999)
    expect([site.line.high, output.state.waiting]).toEqual([true, false])
    site.clock.advance(1)
    expect([site.line.high, output.state.madeSafe]).toEqual([false, 1])
    await output.stop()
  })
})

describe('a line that does not obey', () => {
  test('gone: told, refused, and made what it should be when it is back', async () => {
    const site = new Site()
    const output = await site.started()
    site.command('on')
    site.line.trouble = 'ENODEV: no such device'
    site.command('off')
    expect(site.answers).toEqual([['done', true], ['refused', null, 'its line is gone: ENODEV: no such device']])
    expect([output.state.status, output.state.on, site.told.at(-1)]).toEqual(['gone', null, 'gone'])
    site.command('off')
    expect(site.answers).toEqual([['refused', null, 'its line is gone: ENODEV: no such device']])
    Object.assign(site.line, { trouble: null, isOutput: false, high: false })
    await site.clock.advanceAsync(RETRY_MS_MIN)
    expect([site.line.high, output.state.status, site.told.at(-1)]).toEqual([true, 'ok', 'on'])
    await output.stop()
  })

  test('switched by somebody else: what it is is told', async () => {
    const site = new Site()
    const output = await site.started()
    site.line.high = true
    site.clock.advance(LOOK_MS)
    expect([site.told, output.state.on]).toEqual([['off', 'on'], true])
    expect(output.state.lastError).toBe('its line is on though it was made off: something else drives it')
    site.command('off')
    expect([site.line.high, site.told.at(-1)]).toEqual([false, 'off'])
    await output.stop()
  })

  test('held by somebody from the start: tried again', async () => {
    const site = new Site()
    site.line.trouble = 'held by "leds"'
    const output = await site.started()
    site.command('on')
    expect(site.answers).toEqual([['refused', null, 'its line is gone: held by "leds"']])
    site.line.trouble = null
    await site.clock.advanceAsync(RETRY_MS_MIN)
    expect([output.state.status, site.told]).toEqual(['ok', ['gone', 'off']])
    await output.stop()
  })
})
