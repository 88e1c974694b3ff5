// `npm run demo`: the promise in two minutes. A device publishes to a gateway that carries everything to a cloud broker over a
// slow link. The link is cut, comes back, goes silent; the gateway is killed in the silence and once more in full flow. All
// the while both ends are counted: at the end everything that the gateway acknowledged is at the cloud, in order, and QoS 2
// exactly once. The exit code says whether that is so.
//
//   device ──► gateway ──► link ──► cloud ──► checker
//   demo/producer  demo/gateway  demo/link  demo/cloud  demo/checker        counted in demo/account, shown by demo/table
//
// The gateway, the broker in the cloud and the clients are real; only the link is ours, so that it can be broken.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../test/support/ports.ts'
import { until } from '../test/support/until.ts'
import { account, count, faults, summary } from './demo/account.ts'
import { Checker } from './demo/checker.ts'
import { type CloudKind, openCloud } from './demo/cloud.ts'
import { DemoGateway } from './demo/gateway.ts'
import { Link } from './demo/link.ts'
import { Producer } from './demo/producer.ts'
import { Table } from './demo/table.ts'

const HELP = `npm run demo [-- OPTIONS]: a gateway, a bad link, a cloud, and a count of what is lost

  --quick                         the same story in twenty seconds
  --cloud mosquitto | sandpiper   the broker in the cloud; default: Mosquitto if it is installed
`

/** How long each scene lasts, seconds. */
const FULL = { flow: 12, cut: 22, drain: 12, silent: 15, dead: 3, reborn: 12, recover: 14, deadAgain: 2, settle: 14, perSec: 100 }
const QUICK = { flow: 2, cut: 3, drain: 2, silent: 2.5, dead: 0.5, reborn: 1, recover: 2, deadAgain: 0.5, settle: 1.5, perSec: 100 }
const CONNECT_MS_MAX = 10_000
const DRAIN_MS_MAX = 15_000
/** Longer than the scenes by this, and something hangs. */
const OVERDUE_MS = 60_000

class Interrupted extends Error {}

const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(130) // twice: at once
    interrupt.abort()
  })
}
process.stdout.on('error', () => interrupt.abort()) // nobody reads any more

/** Waits for it, but not when the person has had enough. */
async function orInterrupt<T>(promise: Promise<T>): Promise<T> {
  const { signal } = interrupt
  const stopped = Promise.withResolvers<never>()
  const stop = (): void => stopped.reject(new Interrupted())
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    return await Promise.race([promise, stopped.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function demo(scenes: typeof FULL, lengthSec: number, quick: boolean, cloudKind: CloudKind | undefined): Promise<number> {
  await using cloud = await openCloud(cloudKind)
  await using checker = await Checker.open(cloud.url)
  await using link = await Link.open(await freePort(), cloud.port)
  await using gateway = await DemoGateway.open(link.url, quick ? { keepAlive: '1s', backoff: { min: '100ms', max: '300ms' } } : { keepAlive: '6s', backoff: { min: '500ms', max: '2s' } })
  await using producer = new Producer(gateway.url)
  await orInterrupt(until(() => producer.connected && gateway.figures?.phase === 'up', 'the device and the uplink to connect', CONNECT_MS_MAX))

  let final = false
  let backlog = 0
  const rows = () => {
    const now = account(producer, checker, final)
    backlog = Math.max(backlog, now.reduce((sum, r) => sum + r.onItsWay, 0))
    return now
  }
  const waiting = (): string => count(rows().reduce((sum, r) => sum + r.onItsWay, 0))
  const scene = (sec: number): Promise<void> => orInterrupt(Promise.race([pause(sec * 1000), gateway.broken]))
  const arrived = (): boolean => producer.done && rows().every((r) => r.atCloud >= r.produced)
  /** What has not come in time is counted as missing. */
  const arrival = (): Promise<unknown> => orInterrupt(Promise.race([until(arrived, 'all to arrive', DRAIN_MS_MAX).catch(() => {}), gateway.broken]))
  {
    using table = new Table({ gateway, link, cloudTitle: cloud.title, rows, lengthSec }, quick ? 2 : 5)
    producer.start(scenes.perSec)
    table.tell(`all is well: ${scenes.perSec * 2} messages a second go through to the cloud`)
    await scene(scenes.flow)

    await link.cut()
    table.tell('the link is cut: messages gather on flash, the device notices nothing')
    await scene(scenes.cut)
    await link.mend()
    table.tell(`the link is back: ${waiting()} messages set out, new ones behind them`)
    await scene(scenes.drain)

    link.silence()
    table.tell('the link goes silent: it looks open, and nothing comes through')
    await scene(scenes.silent)
    table.tell(`kill -9 of the gateway, with ${waiting()} messages on its flash`)
    await gateway.kill()
    await scene(scenes.dead)
    const startMs = performance.now()
    await orInterrupt(gateway.start())
    table.tell(`started again in ${((performance.now() - startMs) / 1000).toFixed(1)} s: it goes on where its flash says`)
    await scene(scenes.reborn)
    await link.mend()
    table.tell(`the link is back: ${waiting()} messages set out`)
    await scene(scenes.recover)

    table.tell('kill -9 again, in full flow: some are sent and not yet answered')
    await gateway.kill()
    await scene(scenes.deadAgain)
    await orInterrupt(gateway.start())
    table.tell('started again: what was not answered is sent once more')
    await scene(scenes.settle)

    producer.stop()
    table.tell('the device stops: the last messages travel, then we count')
    await arrival()
    // What comes twice comes before what is sent after it: one more on each topic, and we have seen all.
    producer.produceOne()
    await arrival()
    final = true
    table.tell('the end')
  }
  process.stdout.write(`\n${summary(rows(), 2, gateway.lives - 1, backlog)}\n`)
  return faults(rows()).length === 0 ? 0 : 1
}

function arguments_(): { readonly quick: boolean; readonly cloud: CloudKind | undefined } | string {
  try {
    const { values } = parseArgs({ options: { quick: { type: 'boolean' }, cloud: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
    const { quick = false, cloud } = values
    if (values.help === true) return HELP
    if (cloud === undefined || cloud === 'mosquitto' || cloud === 'sandpiper') return { quick, cloud }
    throw new Error(`--cloud ${cloud}: there are mosquitto and sandpiper`)
  } catch (error) {
    process.exitCode = 2
    return `${(error as Error).message}\n\n${HELP}`
  }
}

const chosen = arguments_()
if (typeof chosen === 'string') process.stdout.write(chosen)
else {
  // Everything that anybody puts into a temporary folder is in this one, and goes with us whatever happens.
  const folder = mkdtempSync(join(tmpdir(), 'sandpiper-demo-'))
  process.env.TMPDIR = folder
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }))
  const scenes = chosen.quick ? QUICK : FULL
  const lengthSec = Object.entries(scenes).reduce((sum, [name, sec]) => (name === 'perSec' ? sum : sum + sec), 0)
  setTimeout(() => {
    process.stderr.write('\nThe demo hangs: something did not answer. It is given up.\n')
    process.exit(1)
  }, lengthSec * 1000 + OVERDUE_MS)
  try {
    process.exitCode = await demo(scenes, lengthSec, chosen.quick, chosen.cloud)
  } catch (error) {
    if (!interrupt.signal.aborted) process.stderr.write(`\nThe demo could not go on: ${(error as Error).message}\n`)
    process.exitCode = interrupt.signal.aborted ? 130 : 1
  }
  process.exit()
}
