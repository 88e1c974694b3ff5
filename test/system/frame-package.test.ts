// What other people's programs get: the package is packed and unpacked as npm does it, below a node_modules, where Node strips no types; programs
// and the compiler use it there, and the example of the guide takes frames from a broker.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FrameEncoder } from '../../src/frame/frame.ts'
import { TestGateway } from '../support/gateway.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { endWithUs } from '../support/orphans.ts'
import { until } from '../support/until.ts'
import { message, STREAM } from '../unit/frame/samples.ts'

const ROOT = join(import.meta.dirname, '../..')
const GOLDEN = join(ROOT, 'test/unit/frame/golden')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
/** Of the system, older than ours. */
const OLD_NODE = '/usr/bin/node'
const run = promisify(execFile)

const folder = mkdtempSync(join(tmpdir(), 'sandpiper-package-'))
const installed = join(folder, 'node_modules/sandpiper')

beforeAll(async () => {
  await run('npm', ['pack', '--offline', '--silent', '--pack-destination', folder], { cwd: ROOT })
  const [tarball] = readdirSync(folder).filter((file) => file.endsWith('.tgz'))
  mkdirSync(installed, { recursive: true })
  await run('tar', ['xzf', join(folder, tarball!), '--strip-components=1', '-C', installed])
  symlinkSync(join(ROOT, 'node_modules/mqtt'), join(folder, 'node_modules/mqtt'))
  symlinkSync(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'))
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program in the folder; answers with its file. */
function program(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

const CONSUMER = `
import { readFileSync } from 'node:fs'
import { decodeFrame, FrameError } from 'sandpiper/frame'
const known = new Map()
for (const { frame, lines } of JSON.parse(readFileSync(process.argv[2], 'utf8')).frames) {
  const decoded = decodeFrame(Buffer.from(frame, 'hex'), known)
  for (const dictionary of decoded.brings) known.set(dictionary.name, dictionary)
  const payloads = decoded.messages.map(({ payload }) => Buffer.from(payload).toString('base64'))
  if (JSON.stringify(payloads) !== JSON.stringify(lines.map(({ payload }) => payload))) throw new Error('not the same')
}
try {
  decodeFrame(Buffer.from('no frame'))
} catch (error) {
  console.log(error instanceof FrameError, error.message)
}
`

function whyNotOld(): string | null {
  if (!existsSync(OLD_NODE)) return `there is no ${OLD_NODE}`
  const [major, minor] = execFileSync(OLD_NODE, ['-p', 'process.versions.node'], { encoding: 'utf8' }).split('.').map(Number)
  return major! > 20 || (major === 20 && minor! >= 16) ? null : `${OLD_NODE} is ${major}.${minor}`
}

describe('the package', () => {
  test('has the frames as JavaScript with types, the gateway, and nothing else', () => {
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { exports: Record<string, Record<string, string>> }
    for (const file of Object.values(exports['./frame']!)) expect(existsSync(join(installed, file)), file).toBe(true)
    expect(readdirSync(installed).sort()).toEqual(['README.md', 'board', 'dist', 'package.json', 'scripts', 'src'])
    const built = readdirSync(join(installed, 'dist/frame'))
    const modules = readdirSync(join(ROOT, 'src/frame')).map((file) => file.replace('.ts', ''))
    for (const name of modules) expect(built).toEqual(expect.arrayContaining([`${name}.js`, `${name}.d.ts`]))
    expect(built.length).toBe(2 * modules.length)
  })

  test('imports nothing but itself and Node', () => {
    for (const file of readdirSync(join(installed, 'dist/frame'))) {
      const text = readFileSync(join(installed, 'dist/frame', file), 'utf8')
      for (const [, target] of text.matchAll(/(?:\bfrom |\bimport\()['"]([^'"]+)['"]/g)) expect(target, file).toMatch(/^(\.\/[\w-]+\.js|node:\w+)$/)
    }
  })

  test('a program decodes frames with it', async () => {
    const { stdout } = await run(process.execPath, [program('consumer.mjs', CONSUMER), join(GOLDEN, 'fields-1.json')])
    expect(stdout).toMatch(/^true the frame has version 6/)
  })

  const why = whyNotOld()
  test.skipIf(why !== null)(`also on an older Node${why === null ? '' : ` (skipped: ${why})`}`, async () => {
    const { stdout } = await run(OLD_NODE, [program('old.mjs', CONSUMER), join(GOLDEN, 'readings-1.json')])
    expect(stdout).toMatch(/^true the frame has version 6/)
  })

  test('the compiler knows its types, and finds mistakes by them', async () => {
    const options = '--ignoreConfig --noEmit --strict --exactOptionalPropertyTypes --module nodenext --target esnext --types node'.split(' ')
    const good = `
import { decodeFrame, type Dictionary, FrameDecoder, FrameEncoder, type FrameMessage, FrameReceiver, TimeQuality } from 'sandpiper/frame'
const known = new Map<string, Dictionary>()
const decoded = decodeFrame(new Uint8Array(10), known)
const needs: string | null = decoded.needs
const messages: readonly FrameMessage[] = new FrameReceiver({ marks: [['a1b2c3d4e5f6', 7]] }).receive(new Uint8Array(10)).messages
export const all = [needs, messages[0]?.timeQuality === TimeQuality.synced, new FrameDecoder({ rememberedBytesMax: 1000 }), new FrameEncoder(Buffer.alloc(6))]
`
    await run(process.execPath, [TSC, ...options, program('good.mts', good)], { cwd: folder })
    const bad = program('bad.mts', `import { decodeFrame } from 'sandpiper/frame'\nexport const needs: number = decodeFrame('text').needs\n`)
    const { stdout } = await run(process.execPath, [TSC, ...options, bad], { cwd: folder }).catch((error: { stdout: string }) => error)
    expect(stdout).toMatch(/TS2345[\s\S]*TS2322|TS2322[\s\S]*TS2345/)
  })

  test('the example of the guide takes frames from a broker, and asks for what it lacks', { timeout: 60_000 }, async () => {
    const guide = readFileSync(join(ROOT, 'src/docs/guide/link.md'), 'utf8')
    const [, code] = /```js\n(import mqtt[\s\S]*?)```/.exec(guide)!
    await using gateway = await TestGateway.start()
    await using clients = new MqttClients()
    const url = `mqtt://127.0.0.1:${gateway.port}`
    const needs = await clients.listen(url, 'sandpiper/+/frames/need')
    const publisher = await clients.connect(url)
    const child = endWithUs(spawn(process.execPath, [program('example.mjs', code!.replace('mqtts://broker.example.com', url))]))
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const encoder = new FrameEncoder(STREAM)
    const frame = (text: string, sequence: number): Buffer => encoder.encode([message({ topic: 'tank/level', text, sequence, timeMs: 1000 + sequence })], 1_000_000)!.frame
    const publish = (bytes: Buffer): Promise<unknown> => publisher.publishAsync('sandpiper/site-1/frames', bytes, { qos: 1 })
    await until(async () => {
      await publish(Buffer.from('no frame'))
      return output.startsWith('the frame has version 6, and this decoder knows 1')
    }, `the example to subscribe: ${output}`, 15_000)
    frame('1.5', 1) // never arrives
    await publish(frame('1.6', 2))
    await until(() => needs.length > 0, 'the question')
    expect(needs[0]).toMatchObject({ topic: 'sandpiper/site-1/frames/need', payload: expect.stringMatching(/^[0-9a-f]{8}$/) })
    encoder.receiverLost(needs[0]!.payload)
    await publish(frame('1.7', 3))
    await until(() => output.includes('1.7\n'), 'its messages')
    expect(output.split('\n').filter((line) => !line.startsWith('the frame has version'))).toEqual(['1002 tank/level 1.6', '1003 tank/level 1.7', ''])
    child.kill('SIGKILL')
  })
})
