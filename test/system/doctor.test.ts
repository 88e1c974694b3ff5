// `sandpiper doctor` as a person runs it: beside a gateway and without one, on a configuration that is good and on one with a mistake.
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Finding } from '../../src/doctor/finding.ts'
import { Site } from '../support/process.ts'
import { FileTree } from '../support/tree.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const MS_MAX = 10_000

let site: Site

beforeAll(async () => {
  site = await Site.make()
  await site.configure({ uplinks: [{ name: 'cloud', url: 'mqtt://127.0.0.1:1', routes: [{ out: 'up/#' }] }] })
}, 30_000)

afterAll(() => site[Symbol.asyncDispose]())

interface Examined {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly ms: number
  find(name: string): Finding | undefined
}

function doctor(...args: string[]): Promise<Examined> {
  const began = performance.now()
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'doctor', '--config', site.configFile, ...args], (error, out, err) => {
      const find = (name: string): Finding | undefined => (JSON.parse(out) as Finding[]).find((one) => one.name === name)
      resolve({ code: error === null ? 0 : Number(error.code), out, err, ms: performance.now() - began, find })
    })
  })
}

describe('without a gateway', () => {
  test('says so, finds what is wrong, and is done in time', async () => {
    const { code, err, ms, find } = await doctor('--json')
    expect({ code, err }).toEqual({ code: 1, err: '' })
    expect(find('gateway')).toMatchObject({ verdict: 'warning', what: expect.stringContaining('no gateway runs there') as string })
    expect(find(`port/${site.port}`)).toMatchObject({ verdict: 'ok', what: `port ${site.port} is free for the gateway` })
    expect(find('tcp/127.0.0.1')).toMatchObject({ verdict: 'fault', what: 'nothing listens at 127.0.0.1:1' })
    expect(ms).toBeLessThan(MS_MAX)
  })

  test('a port that this test has', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => void server.listen(site.port, '127.0.0.1', resolve))
    try {
      const { code, out } = await doctor()
      expect(code).toBe(1)
      expect(out).toMatch(new RegExp(`^fault +port/${site.port} +port ${site.port} is taken by .+ \\(process ${process.pid}\\)\\n +→ stop that program, or set another \`port\` under broker\\.listeners$`, 'm'))
      expect(out).toMatch(/\n\n\d faults?, \d warned of, \d not known, \d in order\n$/)
    } finally {
      await new Promise((resolve) => void server.close(resolve))
    }
  })

  test('what stands behind it without a word in front is refused', async () => {
    expect((await doctor('gateway.yaml')).err).toContain('sandpiper doctor --config gateway.yaml')
  })
})

describe('beside the gateway', () => {
  test('asks it, and knows its ports for its own', async () => {
    await site.start()
    const { code, find } = await doctor('--json')
    expect(code).toBe(1)
    expect(find('gateway')).toMatchObject({ verdict: 'ok', what: `it runs (process ${site.gateway.pid})` })
    expect(find(`port/${site.port}`)).toMatchObject({ verdict: 'ok', what: `the gateway listens on 127.0.0.1 port ${site.port}` })
    expect(find('configuration')).toMatchObject({ verdict: 'ok' })
  })

  test('with nothing wrong it ends with 0, on a machine of which nothing is known', async () => {
    using machine = new FileTree()
    await site.gateway.stop()
    await site.configure()
    await site.start()
    const { code, find } = await doctor('--json', '--root', machine.root)
    expect(find('gateway')).toMatchObject({ verdict: 'ok' })
    expect(code).toBe(0)
  })

  test('a mistake in the file is a finding, and the last good configuration is what the rest goes by', async () => {
    await site.configure({ brokr: {} })
    const { code, find } = await doctor('--json')
    expect(code).toBe(1)
    expect(find('configuration')).toMatchObject({ verdict: 'fault', what: expect.stringMatching(/gateway\.yaml line \d+: unknown key `brokr`/) as string, hint: expect.stringContaining('did you mean `broker`?') as string })
    expect(find(`port/${site.port}`)).toMatchObject({ verdict: 'ok' })
  })
})
