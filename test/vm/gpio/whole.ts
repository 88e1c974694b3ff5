// The whole gateway at simulated lines: readings to a client, commands to the wire, kills and restarts, clients that go. Printed as scenes.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { scene } from '../scenes.ts'
import { SimChip } from './sim.ts'
import { after, Client, Site, until, writeConfig } from './site.ts'
import { seen } from './watched.ts'

const run = promisify(execFile)
const script = (name: string): string => `${import.meta.dirname}/${name}`

async function suite(name: string, way: 'device' | 'sysfs'): Promise<void> {
  const chip = new SimChip(`site-${name}`, 8, { names: { 0: `DOOR-${name}` } })
  chip.pull(0, true)
  const at = (offset: number): string => `line: "${chip.label}:${offset}", interface: ${way}`
  const config = writeConfig(
    `site-${name}`,
    `sensors:
  - { name: door, topic: door, gpio: { line: DOOR-${name}, interface: ${way}, activeLow: true, debounce: 20ms } }
  - { name: bell, topic: bell, gpio: { ${at(1)}, input: press, long: 300ms } }
  - { name: rain, topic: rain, gpio: { ${at(2)}, input: counter, poll: 200ms, save: 1s } }
outputs:
  - { name: pump, command: pump/set, state: pump, gpio: { ${at(3)} } }
  - { name: heat, command: heat/set, state: heat, gpio: { ${at(4)}, activeLow: true }, failSafe: { state: off, clientGone: 2s } }
`,
  )
  const site = new Site(config)
  await site.start()
  let client = await Client.connect()

  chip.pull(0, false)
  await until(() => client.on('door').length > 0)
  chip.pull(1, true)
  await after(400)
  chip.pull(1, false)
  await until(() => client.on('bell').length > 0)
  scene(`${name}: readings`, { door: client.on('door').map(valueOf), bell: client.on('bell').map(valueOf) })

  const before = chip.value(3)
  await client.command('pump/set', 'on')
  await until(() => client.on('answers').length > 0)
  scene(`${name}: command`, { before, wire: chip.value(3), state: client.on('pump').at(-1), answer: client.on('answers').at(-1) })

  await client.command('heat/set', 'on')
  await until(() => client.on('heat').at(-1) === 'on')
  const warm = chip.value(4)
  await client.end()
  client = await Client.connect('another')
  await until(() => client.on('heat').at(-1) === 'off')
  scene(`${name}: fail-safe`, { warm, cold: chip.value(4), told: client.on('heat') })

  const totals = (): number[] => client.on('rain').map((text) => (JSON.parse(text) as { total: number }).total)
  await run(process.execPath, [script('pulses.ts'), chip.pullFile(2), '1000', '1000'])
  await until(() => (totals().at(-1) ?? 0) >= 1000, 1000)
  await after(1500)
  const counted = totals().at(-1)
  const kill = await seen(chip, 3, async () => {
    await site.end('SIGKILL')
    await site.start()
    client = await Client.connect()
    await until(() => client.on('pump').length > 0)
    await after(500)
  })
  await until(() => client.on('rain').length > 0)
  scene(`${name}: killed`, { counted, kept: totals().at(-1), levels: kill, state: client.on('pump').at(-1), wire: chip.value(3) })

  await run(process.execPath, [script('pulses.ts'), chip.pullFile(2), '100', '1000'])
  const stop = await seen(chip, 3, async () => {
    await site.end('SIGTERM')
    await site.start()
    client = await Client.connect()
    await until(() => client.on('pump').length > 0)
    await after(500)
  })
  await until(() => client.on('rain').length > 0)
  scene(`${name}: stopped`, { kept: totals().at(-1), levels: stop, state: client.on('pump').at(-1) })

  client.forget()
  chip.unplug()
  await until(() => client.on('pump').at(-1) === 'gone')
  await client.command('pump/set', 'off')
  await until(() => client.on('answers').length > 0)
  const refused = client.on('answers').at(-1)
  chip.plug()
  await until(() => client.on('pump').at(-1) === 'on', 40_000)
  await client.command('pump/set', 'off')
  await until(() => client.on('pump').at(-1) === 'off')
  scene(`${name}: unplugged`, { refused, states: client.on('pump'), wire: chip.value(3) })

  await client.end()
  await site.end('SIGTERM')
  chip.remove()
}

/** Of a reading with its time. */
function valueOf(text: string): unknown {
  const { time: _time, clock: _clock, ...rest } = JSON.parse(text) as Record<string, unknown>
  return rest
}

for (const way of ['device', 'sysfs'] as const) await suite(way === 'device' ? 'cdev' : 'sysfs', way)
scene('end', {})
process.exit(0)
