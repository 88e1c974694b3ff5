// Runs inside the virtual machine: a gateway with `dial: { pppd: sat }` and a broker that can be reached over that line only. It publishes, and
// prints what became of line and messages. It judges nothing.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Site } from '../../support/process.ts'
import { until } from '../../support/until.ts'
import { pppdRunning, scene } from '../scenes.ts'

const LONG_MS = 150_000 // emulated, on a machine that has other work too

await using site = await Site.make()
await site.configure({
  uplinks: [{
    name: 'cloud',
    url: 'mqtt://10.64.0.1:1883',
    dial: { pppd: 'sat', timeout: '60s', maxCost: '20kB' },
    connect: { when: { queued: 3, idle: '2s' } },
    backoff: { min: '1s', max: '4s' },
    routes: [{ out: 'sensors/#', as: 'far/#' }],
  }],
})

let published = 0

function publish(count: number): void {
  for (let i = 0; i < count; i++) execFileSync('mosquitto_pub', ['-p', `${site.port}`, '-q', '1', '-t', 'sensors/a', '-m', `m${++published}`])
}

const received = (): string[] => readFileSync('/tmp/received', 'utf8').split('\n').filter((line) => line !== '')
const isUp = (): boolean => existsSync('/sys/class/net/ppp0')
const isDown = (): boolean => !isUp() && pppdRunning() === 0
const logged = (text: string): readonly unknown[] => site.gateway.log.filter((line) => line.msg === text)

async function carried(name: string): Promise<void> {
  await until(isUp, 'the line to be dialled', LONG_MS)
  await until(() => received().length >= published, 'the messages to arrive', LONG_MS)
  await until(isDown, 'the line to be hung up', LONG_MS)
  scene(name, { received: received(), running: pppdRunning() })
}

async function all(): Promise<void> {
  await until(() => existsSync('/dev/modem'), 'the cable', 60_000)
  await site.launch().ready(LONG_MS)
  publish(2)
  scene('too little waits', { running: pppdRunning(), received: received() })
  publish(1)
  await carried('enough waits')
  publish(3)
  await carried('again')

  writeFileSync('/tmp/busy', '')
  publish(3)
  const waits = await until(() => (logged('uplink is down').length >= 2 ? logged('uplink is down') : null), 'two attempts that fail', LONG_MS)
  scene('nobody takes the call', { waits, received: received().length, running: pppdRunning() })
  rmSync('/tmp/busy')
  await carried('the call is taken again')

  publish(3)
  await until(isUp, 'the line to be dialled', LONG_MS)
  const { code, signal } = await site.gateway.stop()
  await until(() => pppdRunning() === 0, 'pppd to be gone', LONG_MS)
  scene('the gateway is stopped while the line is up', { code, signal, running: pppdRunning() })
  await site.launch().ready(LONG_MS)
  await carried('the gateway is started again')
}

try {
  await all()
} finally {
  process.stdout.write(`${site.gateway.stdout}\n${site.gateway.stderr}\n`)
}
