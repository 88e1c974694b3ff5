// `sandpiper sensors`: as a process of its own, at a real pseudo terminal, beside a gateway and without one.
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { mkdirSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { GatewayProcess, Site } from '../support/process.ts'
import { Pty } from '../support/pty.ts'
import { until } from '../support/until.ts'

const DEMO = { name: 'demo', topic: 'demo', simulate: { kind: 'constant', min: 21.5, every: '50ms' }, values: { temp: { from: 'value', unit: '°C' } } }

describe('watch', () => {
  test('shows what the running gateway reads, which keeps its ports; nobody else may look', async () => {
    await using site = await Site.make()
    await site.configure({ sensors: [DEMO] })
    const gateway = await site.start()
    expect(statSync(join(site.folder, 'data/sensors.sock')).mode & 0o777).toBe(0o600)
    const watch = new GatewayProcess(['sensors', 'watch', '--config', site.configFile])
    await until(() => watch.stdout.includes('demo  temp 21.5 °C'), 'a reading to be shown')
    expect(watch.stdout).toMatch(/^As the running gateway reads them\.\ndemo {2}ok\n/)
    await watch.stop()
    expect((await gateway.stop()).code).toBe(0)
  })

  test('--json: a line for each state and reading', async () => {
    await using site = await Site.make()
    await site.configure({ sensors: [DEMO] })
    await site.start()
    const watch = new GatewayProcess(['sensors', 'watch', '--json', '--for', '1s', '--config', site.configFile])
    expect((await watch.exited).code).toBe(0)
    const lines = watch.stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({ sensor: 'demo', status: 'ok', lastError: null })
    expect(lines.at(-1)).toMatchObject({ sensor: 'demo', topic: 'demo', values: [{ name: 'temp', value: 21.5, unit: '°C' }], quality: 'good' })
  })

  test('where no gateway runs the sensors are read here', async () => {
    await using site = await Site.make()
    await site.configure({ sensors: [DEMO, { name: 'raw', topic: 'raw', simulate: { kind: 'constant', min: 3, every: '50ms' } }] })
    const watch = new GatewayProcess(['sensors', 'watch', '--for', '1s', '--config', site.configFile])
    expect((await watch.exited).code).toBe(0)
    expect(watch.stdout).toContain('No gateway runs on this store')
    expect(watch.stdout).toContain('demo  temp 21.5 °C')
    expect(watch.stdout).toMatch(/raw {2}\{"value":3,/)
  })

  test('a gateway that ends in mid-line is told of, in words for a person only; what a device sends is not the terminal\'s', async () => {
    await using site = await Site.make()
    await site.configure({ sensors: [DEMO] })
    mkdirSync(join(site.folder, 'data'), { recursive: true })
    const half = '{"sensor":"demo","topic":"demo","payload":"a\\u001b[2Jb","values":null,"quality":null}\n{"sensor":"de'
    const gateway = createServer((socket) => void socket.end(half)).listen(join(site.folder, 'data/sensors.sock'))
    try {
      const watch = new GatewayProcess(['sensors', 'watch', '--config', site.configFile])
      expect(await watch.exited).toMatchObject({ code: 1 })
      expect(watch.stdout).toBe('As the running gateway reads them.\ndemo  a·[2Jb\nThe gateway has stopped.\n')
      expect(watch.stderr).toBe('')
      const json = new GatewayProcess(['sensors', 'watch', '--json', '--config', site.configFile])
      expect(await json.exited).toMatchObject({ code: 1 })
      expect(json.stdout.trim().split('\n')).toHaveLength(1)
    } finally {
      gateway.close()
    }
  })

  test('who does not read is cut off, and the gateway goes on', async () => {
    await using site = await Site.make()
    await site.configure({ sensors: Array.from({ length: 20 }, (_, i) => ({ ...DEMO, name: `demo-${i}`, topic: `demo/${i}`, simulate: { ...DEMO.simulate, every: '1ms' } })) })
    await site.start()
    const deaf = connect(join(site.folder, 'data/sensors.sock')).pause()
    const closed = new Promise<void>((resolve) => void deaf.once('close', resolve).on('error', () => {}))
    await until(() => deaf.readyState === 'open', 'the connection')
    const watch = new GatewayProcess(['sensors', 'watch', '--for', '3s', '--config', site.configFile])
    expect((await watch.exited).code).toBe(0)
    deaf.resume() // what had arrived, and then the end
    await closed
    expect(watch.stdout).toContain('demo-19  temp 21.5 °C')
  }, 40_000)
})

describe('try', () => {
  test('one entry at a real port: its readings, and 0 at the end', async () => {
    const pty = await Pty.make()
    try {
      await pty.plug()
      const run = new GatewayProcess(['sensors', 'try', `serial: { path: ${pty.path} }\ndecode: { csv: [level, temp] }\nvalues: { level: { scale: 0.1, unit: cm } }`, '--for', '10s'])
      await until(() => run.stdout.includes('  ok'), 'the port to open')
      await pty.write('123,21.4\ngarbage\n')
      await until(() => run.stdout.includes('"level":12.3'), 'the reading')
      expect(await run.stop()).toMatchObject({ code: 0 })
      expect(run.stdout).toMatch(/try {2}\{"level":12\.3,/)
      expect(run.stdout).toMatch(/1 reading: it works/)
    } finally {
      await pty.remove()
    }
  })

  test('a port that is not there: why, and 1 at the end', async () => {
    const run = new GatewayProcess(['sensors', 'try', 'serial: { path: /dev/ttyUSB99 }', '--for', '1s'])
    expect((await run.exited).code).toBe(1)
    expect(run.stdout).toMatch(/^ {2}gone: no such file \/dev\/ttyUSB99: plug the device in/)
    expect(run.stdout).toMatch(/no reading in 1 s: no such file/)
  })

  test('a sensor that is gone has not worked, though that is told in a message', async () => {
    const run = new GatewayProcess(['sensors', 'try', 'thermal: { zone: no-such-zone }', '--for', '1s'])
    expect((await run.exited).code).toBe(1)
    expect(run.stdout).toMatch(/no reading in 1 s: /)
  })

  test('a mistake in it is told with its place, as for a file', async () => {
    const run = new GatewayProcess(['sensors', 'try', 'serial: { path: /dev/ttyUSB0, boud: 9600 }'])
    expect((await run.exited).code).toBe(1)
    expect(run.stdout).toContain('1:31')
    expect(run.stdout).toContain('did you mean `baud`?')
  })

  test.each([[['sensors', 'look']], [['sensors', 'try']], [['sensors', 'watch']], [['sensors', 'watch', 'x']], [['sensors', 'try', 'a', 'b']], [['sensors', 'try', 'a: b', '--for', 'soon']]])('%j is told how it is used', async (args) => {
    const run = new GatewayProcess(args)
    expect((await run.exited).code).toBe(1)
    expect(run.stderr).toMatch(/sensors|--for/)
  })
})
