// The character device under systemd: an output is killed and restarted, and its line does not move. Printed as scenes.
import { spawnSync } from 'node:child_process'
import { scene } from '../scenes.ts'
import { SimChip } from './sim.ts'
import { Client, writeConfig } from './site.ts'
import { after, until } from './wait.ts'
import { seen } from './watched.ts'

const chip = new SimChip('unit', 4)
const config = (outputs: string): void => void writeConfig('systemd', `outputs:\n${outputs}`)
const pump = '  - { name: pump, command: pump/set, state: pump, gpio: { line: "unit:0", interface: device } }\n'
const fan = '  - { name: fan, command: fan/set, state: fan, gpio: { line: "unit:1", interface: device, activeLow: true } }\n'
config(pump + fan)

const systemctl = (...args: string[]): string => spawnSync('systemctl', ['--user', ...args], { encoding: 'utf8' }).stdout.trim()
const stored = (): string => systemctl('show', '--property=NFileDescriptorStore', '--value', 'sandpiper')

systemctl('start', 'sandpiper')
let client = await Client.connect()
await client.command('pump/set', 'on')
await client.command('fan/set', 'on')
await until(() => client.on('answers').length === 2)
scene('running', { wires: [chip.value(0), chip.value(1)], stored: stored() })

for (const [name, ...args] of [['killed', 'kill', '--kill-whom=main', '--signal=SIGKILL'], ['restarted', 'restart']] as const) {
  const pid = systemctl('show', '--property=MainPID', '--value', 'sandpiper')
  const levels = await seen(chip, [0, 1], async () => {
    systemctl(...args, 'sandpiper')
    await until(() => !['0', pid].includes(systemctl('show', '--property=MainPID', '--value', 'sandpiper')) && systemctl('is-active', 'sandpiper') === 'active', 60_000)
    client = await Client.connect()
    await until(() => client.on('pump').length > 0 && client.on('fan').length > 0)
    await after(300)
  })
  const states = [client.on('pump').at(-1), client.on('fan').at(-1)]
  await client.command('pump/set', 'off')
  await client.command('pump/set', 'on')
  await until(() => client.on('answers').length === 2)
  const answers = client.on('answers').map((text) => (JSON.parse(text.replace(/ #1$/, '')) as { status: string }).status)
  scene(name, { levels, states, answers, wires: [chip.value(0), chip.value(1)], stored: stored() })
}

systemctl('stop', 'sandpiper')
await until(() => chip.value(0) === 0)
scene('stopped', { wires: [chip.value(0), chip.value(1)] })
process.exit(0)
