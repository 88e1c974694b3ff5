// The appliance's programs as its units start them, on folders in place of the machine: what is chosen, what is told, what is kept.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Status } from '../../src/ops/status.ts'
import { freePort } from '../support/ports.ts'
import { GatewayProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

let folder = ''
const open: GatewayProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-appliance-'))
  await Promise.all(['card', 'state', 'root/run/sandpiper'].map((of) => mkdir(join(folder, of), { recursive: true })))
})
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.kill()
  await rm(folder, { recursive: true, force: true })
})

const file = (): string => join(folder, 'card/gateway.yaml')
const status = async (): Promise<Status> => JSON.parse(await readFile(join(folder, 'root/run/sandpiper/status.json'), 'utf8')) as Status

async function run(): Promise<GatewayProcess> {
  const gateway = new GatewayProcess(['run', '--config', file(), '--state', join(folder, 'state'), '--last-good', '--or-default'], { env: { RUNTIME_DIRECTORY: join(folder, 'root/run/sandpiper') } })
  open.push(gateway)
  await gateway.ready()
  return gateway
}

/** `sandpiper apply` or `card`, to its end. */
async function once(command: 'apply' | 'card'): Promise<GatewayProcess> {
  const program = new GatewayProcess([command, '--card', join(folder, 'card'), '--state', join(folder, 'state'), '--root', join(folder, 'root')])
  open.push(program)
  await until(() => program.exit !== null, `${command} to end`, 20_000)
  expect(program.exit).toEqual({ code: 0, signal: null })
  return program
}

describe('a file with a mistake', () => {
  test('before any good one: the safe default runs, and STATUS.txt says line, column and what to write', async () => {
    await writeFile(file(), 'site: well-07\nbroker:\n  listners: []\n')
    const applied = await once('apply')
    expect(applied.stdout).toContain('the safe default is applied until that is mended')
    // The safe default's port is that of every broker: where it is taken here, the gateway says so, as it must.
    await once('card')
    const text = await readFile(join(folder, 'card/STATUS.txt'), 'utf8')
    expect(text).toContain('GATEWAY.YAML HAS A MISTAKE. There is no earlier one: a plain local broker runs.\r\n')
    expect(text).toContain('gateway.yaml:3:3  unknown key `listners` in `broker`\r\n')
    expect(text).toContain('did you mean `listeners`?')
  })

  test('after a good one: that one runs', async () => {
    const port = await freePort()
    await writeFile(file(), `site: good\nbroker: { listeners: [{ port: ${port} }] }\n`)
    const first = await run()
    await first.stop()
    await writeFile(file(), 'site: [')
    const second = await run()
    expect(second.stderr).toContain('Running on the last good configuration until that is mended.')
    expect(await status()).toMatchObject({ site: 'good', config: { source: 'last-good', trouble: null }, broker: { listeners: [{ port, host: '127.0.0.1', tls: false }] } })
  })
})

test('a file that is right, but whose port is taken: the last good one runs, and STATUS.txt says why', async () => {
  const port = await freePort()
  await writeFile(file(), `site: good\nbroker: { listeners: [{ port: ${port} }] }\n`)
  await (await run()).stop()
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const taken = (other.address() as { port: number }).port
  await writeFile(file(), `site: new\nbroker: { listeners: [{ port: ${taken} }] }\n`)
  await once('apply')
  const gateway = await run()
  expect(gateway.stderr).toContain(`the gateway does not start with ${file()}: port ${taken} on 127.0.0.1 is taken by another program`)
  expect(await status()).toMatchObject({ site: 'good', config: { source: 'last-good' } })
  await once('card')
  const text = (await readFile(join(folder, 'card/STATUS.txt'), 'utf8')).replaceAll(/\r\n +/g, ' ')
  expect(text).toContain('GATEWAY.YAML is right, but the gateway cannot start with it.')
  expect(text).toContain(`port ${taken} on 127.0.0.1 is taken by another program`)
  expect(await readFile(join(folder, 'state/last-good.yaml'), 'utf8')).toContain('site: good')
  other.close()
})

test('a password leaves the file once it runs, and goes on to let its user in, also after a restart', async () => {
  const port = await freePort()
  const text = `# ours\r\nsite: s\r\naccess: { users: [{ name: device, password: "open sesame" }] } # keep me\r\nbroker: { listeners: [{ port: ${port} }] }\r\n`
  await writeFile(file(), text)
  await once('apply')
  const gateway = await run()
  const moved = await once('card')
  expect(moved.stdout).toContain('1 of the file')
  expect((await readFile(file(), 'utf8')).replace(/g[0-9a-f]{20}/, 'F')).toBe(text.replace('"open sesame"', '{ stored: F }'))
  await gateway.stop()
  await run()
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'device', password: 'open sesame', reconnectPeriod: 0 })
  await client.endAsync()
  await expect(connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'device', password: 'open', reconnectPeriod: 0 })).rejects.toThrow(/refused|authori[sz]ed/i)
})

test('status.json says what the gateway is like, and goes with it', async () => {
  await writeFile(file(), `site: s\nbroker: { listeners: [{ port: ${await freePort()} }] }\nsensors: [{ name: a, topic: a, simulate: { kind: sine } }]\nuplinks: [{ name: cloud, url: mqtt://127.0.0.1:${await freePort()}, routes: [{ out: "#" }] }]\n`)
  const gateway = await run()
  const of = await status()
  expect(of).toMatchObject({ site: 's', config: { source: 'file', trouble: null }, broker: { clients: 0 }, uplinks: [{ name: 'cloud', connected: false, everConnected: false, link: null }], store: { trouble: null }, sensors: [{ name: 'a' }] })
  expect(of.boot).toMatch(/^[0-9a-f-]{36}$/)
  await until(async () => (await status()).uplinks[0]!.lastError !== null, 'the uplink to fail', 20_000)
  await gateway.stop()
  await expect(status()).rejects.toThrow(/ENOENT/)
})

test('off the image, what only the image applies is said, and everything else works', async () => {
  await writeFile(file(), `site: s\nbroker: { listeners: [{ port: ${await freePort()} }] }\nhostname: other\nnetwork: { ethernet: [] }\n`)
  const gateway = await run()
  expect(gateway.log.map(({ msg }) => msg)).toContain("`hostname`, `network`: the image applies this, here it is the machine's own system that decides")
})

describe('the file that comes on the card', () => {
  const shipped = join(import.meta.dirname, '../../image/boot/gateway.yaml')

  test('is right as it is, and lets nobody in from outside', async () => {
    await writeFile(file(), await readFile(shipped))
    const checked = new GatewayProcess(['check', file()])
    open.push(checked)
    await until(() => checked.exit !== null, 'check to end', 20_000)
    expect(checked).toMatchObject({ stderr: '', exit: { code: 0 } })
    expect(checked.stdout).toContain('site gateway, 1 listener')
  })

  test('with three lines edited, a device publishes its first message from outside', async () => {
    const port = await freePort()
    const lines = (await readFile(shipped, 'utf8')).split('\n')
    const edit = (from: RegExp, to: string): void => {
      const at = lines.findIndex((line) => from.test(line))
      lines[at] = lines[at]!.replace(from, to)
    }
    edit(/^site: gateway/, 'site: well-07')
    edit(/^#(access: .*)password: ""/, '$1password: "choose one"')
    edit(/^#(broker: .*)1883/, `$1${port}`)
    await writeFile(file(), `${lines.join('\n')}\ndiscovery: { mdns: off } # no test says anything to the networks of this machine\n`)
    await run()
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'device', password: 'choose one', reconnectPeriod: 0 })
    await client.publishAsync('first', 'message', { qos: 1 })
    await client.endAsync()
    await expect(connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 })).rejects.toThrow(/refused|authori[sz]ed/i)
    expect((await status()).broker.listeners).toEqual([{ port, host: '::', tls: false }])
  })

  test('with the lines switched on and no password chosen, it says so', async () => {
    await writeFile(file(), (await readFile(shipped, 'utf8')).replace(/^#access/m, 'access').replace(/^#broker/m, 'broker'))
    const checked = new GatewayProcess(['check', file()])
    open.push(checked)
    await until(() => checked.exit !== null, 'check to end', 20_000)
    expect(checked.stderr).toContain('`password` is empty')
  })
})
