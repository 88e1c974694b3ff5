// The whole gateway at simulated lines, each thing by the character device and by the old interface: readings to a client, commands to the wire, kills and
// restarts, clients that go, a chip that is unplugged. Printed as scenes.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { scene } from '../scenes.ts'
import { SimChip } from './sim.ts'
import { Client, Site, writeConfig } from './site.ts'
import { after, until } from './wait.ts'
import { seen } from './watched.ts'

const WAYS = ['device', 'sysfs'] as const
type Way = (typeof WAYS)[number]

const PULSES = 1000

/** Offsets of the lines of one back end; door is found by its name. */
const LINES = {
  device: { door: 0, bell: 1, rain: 2, pump: 3, heat: 4 },
  sysfs: { door: 8, bell: 9, rain: 10, pump: 11, heat: 12 },
} as const

const chip = new SimChip('site', 16, { names: { 0: 'DOOR-device', 8: 'DOOR-sysfs' } })
for (const way of WAYS) chip.pull(LINES[way].door, true)

const at = (way: Way, line: 'bell' | 'rain' | 'pump' | 'heat'): string => `line: "site:${LINES[way][line]}", interface: ${way}`
const config = writeConfig(
  'whole',
  `sensors:\n${WAYS.map((way) => `
  - { name: ${way}-door, topic: ${way}/door, gpio: { line: DOOR-${way}, interface: ${way}, activeLow: true, debounce: 20ms } }
  - { name: ${way}-bell, topic: ${way}/bell, gpio: { ${at(way, 'bell')}, input: press, long: 300ms } }
  - { name: ${way}-rain, topic: ${way}/rain, gpio: { ${at(way, 'rain')}, input: counter, poll: 200ms, save: 1s } }`).join('')}
outputs:${WAYS.map((way) => `
  - { name: ${way}-pump, command: ${way}/pump/set, state: ${way}/pump, gpio: { ${at(way, 'pump')} } }
  - { name: ${way}-heat, command: ${way}/heat/set, state: ${way}/heat, gpio: { ${at(way, 'heat')}, activeLow: true }, failSafe: { state: off, clientGone: 2s } }`).join('')}
`,
)
const site = new Site(config)
let client: Client

const each = <T>(of: (way: Way) => T): Record<Way, T> => ({ device: of('device'), sysfs: of('sysfs') })
const wires = (line: keyof (typeof LINES)['device']): Record<Way, number> => each((way) => chip.value(LINES[way][line]))
const told = (what: string): Record<Way, string | undefined> => each((way) => client.on(`${way}/${what}`).at(-1))
const all = (isSo: (way: Way) => boolean, ms?: number): Promise<boolean> => until(() => WAYS.every(isSo), ms)
const total = (way: Way): number | undefined => {
  const text = client.on(`${way}/rain`).at(-1)
  return text === undefined ? undefined : (JSON.parse(text) as { total: number }).total
}
const pulse = (way: Way, count: number) => promisify(execFile)(process.execPath, [`${import.meta.dirname}/pulses.ts`, chip.pullFile(LINES[way].rain), `${count}`, '1000'])

async function command(what: string, payload: string): Promise<Record<Way, string | undefined>> {
  const answers: Partial<Record<Way, string | undefined>> = {}
  for (const way of WAYS) {
    client.forget('answers')
    await client.command(`${way}/${what}/set`, payload)
    await until(() => client.on('answers').length > 0)
    answers[way] = client.on('answers').at(-1)
  }
  return answers as Record<Way, string | undefined>
}

/** Of a reading with its time. */
function valueOf(text: string): unknown {
  const { time: _time, clock: _clock, ...rest } = JSON.parse(text) as Record<string, unknown>
  return rest
}

async function startAgain(how: 'SIGKILL' | 'SIGTERM'): Promise<Record<Way, string>> {
  const [device, sysfs] = await seen(chip, WAYS.map((way) => LINES[way].pump), async () => {
    await site.end(how)
    await site.start()
    client = await Client.connect()
    await all((way) => client.on(`${way}/pump`).length > 0)
    await after(500)
  })
  await all((way) => total(way) !== undefined)
  return { device: device!, sysfs: sysfs! }
}

await site.start()
client = await Client.connect()
for (const way of WAYS) chip.pull(LINES[way].door, false)
await all((way) => client.on(`${way}/door`).length > 0)
for (const way of WAYS) chip.pull(LINES[way].bell, true)
await after(400)
for (const way of WAYS) chip.pull(LINES[way].bell, false)
await all((way) => client.on(`${way}/bell`).length > 0)
scene('readings', each((way) => ({ door: client.on(`${way}/door`).map(valueOf), bell: client.on(`${way}/bell`).map(valueOf) })))

const before = wires('pump')
const answers = await command('pump', 'on')
scene('command', { before, wires: wires('pump'), states: told('pump'), answers })

await command('heat', 'on')
const warm = wires('heat')
await client.end()
client = await Client.connect('another')
await all((way) => client.on(`${way}/heat`).at(-1) === 'off')
scene('fail-safe', { warm, cold: wires('heat'), states: told('heat') })

for (const way of WAYS) await pulse(way, PULSES)
await all((way) => (total(way) ?? 0) >= PULSES, 1000)
await after(1500) // and it is saved
const counted = each(total)
const killed = await startAgain('SIGKILL')
scene('killed', { counted, kept: each(total), levels: killed, states: told('pump'), wires: wires('pump') })

await command('pump', 'on')
for (const way of WAYS) await pulse(way, PULSES)
const stopped = await startAgain('SIGTERM')
scene('stopped', { kept: each(total), levels: stopped, states: told('pump') })

await command('pump', 'on')
chip.unplug()
await all((way) => client.on(`${way}/pump`).at(-1) === 'gone')
const refused = await command('pump', 'off')
chip.plug()
await all((way) => client.on(`${way}/pump`).at(-1) === 'on', 40_000)
await command('pump', 'off')
scene('unplugged', { refused, states: each((way) => client.on(`${way}/pump`)), wires: wires('pump') })

await client.end()
await site.end('SIGTERM')
process.exit(0)
