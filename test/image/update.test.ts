// Updates of a machine that runs from the image: a root from the card and by address, an application by message, each once as it should be and once
// broken, and the power that goes while a slot is written. One machine goes through all of it, as one on a roof does.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createHash, createPrivateKey } from 'node:crypto'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesBelow } from '../../src/update/application.ts'
import { disk } from '../../src/update/disk.ts'
import { formatIdentity, type Identity, parseIdentity } from '../../src/update/identity.ts'
import { makePackage } from '../../src/update/package.ts'
import type { Outcome } from '../../src/update/record.ts'
import type { UpdateStatus } from '../../src/update/report.ts'
import type { Files } from '../../src/update/tree.ts'
import { until } from '../support/until.ts'
import { Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'

const PROJECT = join(import.meta.dirname, '../..')
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sandpiper/image')

/** Two starts of an emulated machine, and a slot that is written between them. */
const UPDATE_MS_MAX = 900_000
const LOGIN = { username: 'device', password: 'update-word' } as const
const HOST = '10.0.2.2'
const DEVICE_OF_A = '/dev/vda2'

const folder = mkdtempSync(join(tmpdir(), 'update-image-'))
const bundles = { good: join(folder, 'good.raucb'), broken: join(folder, 'broken.raucb'), next: join(folder, 'next.raucb') }
let machine: Machine
let server: Server
let root: Identity
let program: Files

describe.skipIf(!isLongRun)(`updates${skipNote}`, { timeout: UPDATE_MS_MAX }, () => {
  beforeAll(async () => {
    const image = await prepareImage('pc')
    const slot = join(dirname(image), 'slot.img')
    const tree = join(folder, 'tree')
    execFileSync('unsquashfs', ['-quiet', '-no-progress', '-d', tree, slot], { stdio: 'pipe' })
    const lib = join(tree, 'usr/lib/sandpiper')
    root = parseIdentity(readFileSync(join(lib, 'identity'), 'utf8'))!
    program = filesBelow(lib, disk)
    makeBundle(tree, image, raised(root.version, 1), readFileSync(join(lib, 'sandpiper.mjs')), bundles.good)
    makeBundle(tree, image, raised(root.version, 5), readFileSync(join(lib, 'sandpiper.mjs')), bundles.next)
    makeBundle(tree, image, raised(root.version, 2), Buffer.from("throw new Error('broken on purpose')\n"), bundles.broken)
    rmSync(tree, { recursive: true })
    server = createServer(({ url, headers }, response) => {
      const bytes = readFileSync(join(folder, url!.slice(1)))
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [null, '0', '']
      const body = bytes.subarray(Number(from), to === '' ? undefined : Number(to) + 1)
      response.writeHead(headers.range === undefined ? 200 : 206, { 'content-length': body.length, etag: `"${bytes.length}"`, 'accept-ranges': 'bytes', ...(headers.range === undefined ? {} : { 'content-range': `bytes ${from}-${Number(from) + body.length - 1}/${bytes.length}` }) })
      response.end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, resolve))
    machine = await Machine.flash(image, { model: 'pc' })
    await machine.card.write('gateway.yaml', configuration(machine.key.publicKey))
  }, BUILD_MS_MAX + UPDATE_MS_MAX)

  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]()
    server?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a root that lies on the card is in the other slot, works, and stays', async () => {
    await machine.card.put(bundles.good, 'Update.raucb')
    await machine.start()
    await untilRuns('B')
    const last = await untilOutcome('installed')
    expect(last).toMatchObject({ kind: 'root', version: raised(root.version, 1) })
    expect(await block()).toBe('good=B try= tries=0')
    expect(await machine.sh('ls /boot/gateway')).not.toMatch(/raucb/i)
    expect(await status()).toMatchObject({ version: raised(root.version, 1), slot: 'B', trial: null })
    expect(await machine.sh('grep -c " /boot/gateway vfat ro," /proc/mounts')).toBe('1')
  })

  test('an application comes as a message, works, and stays over a restart', async () => {
    const version = raised(root.version, 3)
    const code = Buffer.from(program.get('sandpiper.mjs')!).toString('latin1').replace(new RegExp(`(VERSION\\S* = )"${root.version}"`), `$1"${version}"`)
    const files = new Map(program).set('sandpiper.mjs', Buffer.from(code, 'latin1')).set('board/update-test/board.yaml', Buffer.from('# nothing\n'))
    const bytes = makePackage({ version, needs: { node: root.node, addons: root.addons, root: null }, files }, { version: raised(root.version, 1), files: program }, updateKey())
    expect(bytes.length).toBeLessThan(2000)
    const client = await clientOf(machine)
    const answered = new Promise<Record<string, unknown>>((resolve) => client.on('message', (_, payload) => resolve(JSON.parse(payload.toString()) as Record<string, unknown>)))
    await client.subscribeAsync('cmd/update/reply')
    await client.publishAsync('cmd/update/package', partOf(bytes), { qos: 1 })
    expect(await answered).toMatchObject({ status: 'accepted' })
    await client.endAsync(true)
    const last = await untilOutcome('installed', raised(root.version, 3))
    expect(last).toMatchObject({ kind: 'application' })
    expect(await machine.sh('test -e /data/app/current/board/update-test/board.yaml && cat /data/app/tries 2>/dev/null || echo kept')).toBe('kept')
  })

  test('an application that does not run is given up after its starts', async () => {
    const files = new Map(program).set('sandpiper.mjs', Buffer.from(`if (process.argv.includes('--version')) console.log('${raised(root.version, 4)}')\nelse process.exit(1)\n`))
    const bytes = makePackage({ version: raised(root.version, 4), needs: { node: root.node, addons: root.addons, root: null }, files }, null, updateKey())
    writeFileSync(join(folder, 'broken.sandpiper'), bytes)
    await machine.ssh(`sandpiper update install http://${HOST}:${port()}/broken.sandpiper`, UPDATE_MS_MAX)
    expect(await untilOutcome('rolled-back')).toMatchObject({ kind: 'application', version: raised(root.version, 4) })
    expect(await status()).toMatchObject({ version: raised(root.version, 3), trial: null })
    await (await clientOf(machine)).endAsync(true)
  })

  test('a root whose program does not run is undone, and the slot of before starts', async () => {
    const said = machine.serial.length
    await machine.ssh(`sandpiper update install http://${HOST}:${port()}/broken.raucb`, UPDATE_MS_MAX)
    // It may be over before anybody can log in.
    await until(() => machine.serial.slice(said).includes(`slot on ${DEVICE_OF_A} `), 'a start from slot A', UPDATE_MS_MAX)
    expect(await untilOutcome('rolled-back', raised(root.version, 2))).toMatchObject({ kind: 'root', reason: 'the new program could not be run to see whether it works' })
    await untilRuns('B')
    expect(await block()).toBe('good=B try= tries=0')
    expect(await status()).toMatchObject({ slot: 'B', trial: null })
    await (await clientOf(machine)).endAsync(true)
  })

  test('the power goes while a slot is written: the old root runs, and the new one is installed then', { timeout: 3 * UPDATE_MS_MAX }, async () => {
    await machine.sh(`mkdir -p /run/sandpiper-update/requests; printf '{"id":"cut","install":"http://${HOST}:${port()}/next.raucb"}' > /run/sandpiper-update/requests/update-cut.json`)
    for (const percent of [20, 60]) {
      await until(async () => Number((await progress()).percent ?? 0) >= percent, `${percent} % of the slot`, UPDATE_MS_MAX)
      await machine.cut()
      await machine.start()
      await untilRuns('B')
    }
    await untilRuns('A')
    expect(await untilOutcome('installed', raised(root.version, 5))).toMatchObject({ kind: 'root' })
    expect(await block()).toBe('good=A try= tries=0')
  })
})

/** `0.1.0` raised by 2: `0.1.2`. */
function raised(version: string, by: number): string {
  const [major, minor, patch] = version.split('.')
  return `${major}.${minor}.${Number(patch) + by}`
}

/** A root that differs from the image's in its program and version. */
function makeBundle(tree: string, image: string, version: string, code: Buffer, out: string): void {
  const lib = join(tree, 'usr/lib/sandpiper')
  const place = join(folder, version)
  mkdirSync(place)
  writeFileSync(join(lib, 'sandpiper.mjs'), code)
  writeFileSync(join(lib, 'identity'), `${formatIdentity({ ...root, version, program: createHash('sha256').update(code).digest('hex').slice(0, 16) })}\n`)
  execFileSync(join(PROJECT, 'image/steps/slot'), [tree, '1795000000', join(place, 'slot.img')], { stdio: 'pipe' })
  const manifest = JSON.parse(readFileSync(join(dirname(image), 'manifest.json'), 'utf8')) as object
  writeFileSync(join(place, 'manifest.json'), JSON.stringify({ ...manifest, version }))
  execFileSync(join(PROJECT, 'scripts/build-update'), [place, out], { stdio: 'pipe' })
  rmSync(place, { recursive: true })
}

function updateKey() {
  return createPrivateKey(readFileSync(process.env.SANDPIPER_UPDATE_KEY ?? join(CACHE, 'test-update.key.pem')))
}

function partOf(bytes: Buffer): Buffer {
  const head = Buffer.alloc(40)
  createHash('sha256').update(bytes).digest().copy(head)
  head.writeUInt32BE(bytes.length, 32)
  return Buffer.concat([head, bytes])
}

function configuration(publicKey: string): string {
  return `site: gateway
access: { users: [{ name: ${LOGIN.username}, password: ${LOGIN.password} }] }
broker: { listeners: [{ port: 1883, host: "::" }] }
ssh: { keys: ["${publicKey}"] }
update: { commands: cmd/update, within: 10m }
`
}

function port(): number {
  return (server.address() as AddressInfo).port
}

function clientOf({ url }: Machine): Promise<MqttClient> {
  return until(() => connectAsync(url, { ...LOGIN, reconnectPeriod: 0, connectTimeout: 20_000 }, false).catch(() => null), 'the broker', UPDATE_MS_MAX) as Promise<MqttClient>
}

async function untilRuns(slot: string): Promise<void> {
  await until(async () => (await machine.ssh('cat /proc/cmdline', 60_000)).output.includes(`sandpiper.slot=${slot} `), `a start from slot ${slot}\n${machine.serial.slice(-1000)}`, UPDATE_MS_MAX)
}

async function untilOutcome(outcome: Outcome['outcome'], version?: string): Promise<Outcome> {
  return until(async () => {
    const { status: ended, output } = await machine.ssh('cat /data/update/last.json', 60_000)
    const last = ended === 0 ? (JSON.parse(output) as Outcome) : null
    return last?.outcome === outcome && (version === undefined || last.version === version) ? last : null
  }, `an update that is ${outcome}`, UPDATE_MS_MAX)
}

function block(): Promise<string> {
  return machine.sh('/usr/lib/sandpiper/boot-slot show')
}

async function status(): Promise<UpdateStatus> {
  return JSON.parse(await machine.sh('sandpiper update status --json')) as UpdateStatus
}

async function progress(): Promise<{ readonly percent?: number | null }> {
  const { output } = await machine.ssh('cat /run/sandpiper-update/status.json', 60_000)
  return (JSON.parse(output.trim() === '' ? '{}' : output) ?? {}) as { readonly percent?: number | null }
}
