// 1,000 readings a second through a serial port, decoding, conversion, deadband and publishing: the share of one core that the gateway's process takes,
// all of its threads and all that it does besides.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import mqtt from 'mqtt'
import { Site } from '../../support/process.ts'
import { Pty } from '../../support/pty.ts'
import { until } from '../../support/until.ts'

const PER_SEC = 1000
const TICKS_PER_SEC = 100 // USER_HZ of Linux
/** Compiled by then. */
const WARM_MS = 10_000

interface Case {
  readonly name: string
  /** Lines that the device writes at once, so many times a second less often: as a UART's buffer gives them. */
  readonly together: number
  readonly sensor: object
  /** Of 1,000 readings so many are to be published. */
  readonly published: number
}

const COLUMNS = { decode: { csv: ['n', 'level', 'temp'] }, values: { n: {}, level: { scale: 0.1, offset: -4, unit: 'cm', range: [-10, 400], decimals: 1, deadband: 1 }, temp: { decimals: 1, deadband: 0.5 } } }

// n moves by 1 with each line: its deadband decides how many come through.
const CASES: readonly Case[] = [
  { name: 'every line a write of its own, 10 % pass the deadband', together: 1, sensor: deadbandOf(9.5), published: 100 },
  { name: 'ten lines a write, 10 % pass the deadband', together: 10, sensor: deadbandOf(9.5), published: 100 },
  { name: 'ten lines a write, all are published', together: 10, sensor: deadbandOf(0.5), published: 1000 },
]

function deadbandOf(n: number): object {
  return { ...COLUMNS, values: { ...COLUMNS.values, n: { deadband: n } } }
}

export async function readings(sec: number): Promise<{ readonly text: string; readonly isWell: boolean }> {
  const rows: string[] = []
  let isWell = true
  for (const one of CASES) {
    const { share, received, expected } = await measure(one, sec)
    if (Math.abs(received - expected) > expected * 0.02) isWell = false
    rows.push(`| ${one.name} | ${(share * 100).toFixed(1)} % | ${received} of ${expected} |`)
  }
  const head = ['1,000 readings/s from a serial port (asked: ≤ 5 % of one core)', '', '| | of one core | messages at an MQTT client |', '|---|---:|---:|']
  return { text: [...head, ...rows, ''].join('\n'), isWell }
}

async function measure({ together, sensor, published }: Case, sec: number): Promise<{ share: number; received: number; expected: number }> {
  const pty = await Pty.make()
  await pty.plug()
  await using site = await Site.make()
  await site.configure({ sensors: [{ name: 'meter', topic: 'meter', qos: 1, serial: { path: pty.path, baud: 115_200 }, ...sensor }] })
  const gateway = await site.start()
  const client = await mqtt.connectAsync(site.url, { protocolVersion: 5 })
  let received = 0
  client.on('message', () => received++)
  await client.subscribeAsync('meter', { qos: 0 })
  await until(() => gateway.log.some(({ msg }) => msg.includes('reads')), 'the port to open')
  const device = spawn(process.execPath, [fileURLToPath(new URL('device.ts', import.meta.url)), `${pty.folder}/device`, String(PER_SEC), String(together), String(sec + WARM_MS / 1000 + 2)], { stdio: 'inherit' })
  await wait(WARM_MS)
  const before = received
  const busy = await shareOf(gateway.pid, sec)
  const taken = received - before
  await new Promise((resolve) => void device.once('close', resolve))
  await client.endAsync()
  await pty.remove()
  return { share: busy, received: taken, expected: published * sec }
}

/** CPU time of all threads over the time that passed. */
async function shareOf(pid: number, sec: number): Promise<number> {
  const [ticks, began] = [ticksOf(pid), performance.now()]
  await wait(sec * 1000)
  return (ticksOf(pid) - ticks) / TICKS_PER_SEC / ((performance.now() - began) / 1000)
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
