// `npm run demo -- --quick`: what a stranger is shown must be true here too.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url))
const DEADLINE_MS = 38_000

interface Ended {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

function demo(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [DEMO, ...args], { timeout: DEADLINE_MS, encoding: 'utf8' }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : (error.code ?? null), stdout, stderr }))
  })
}

test.concurrent.for(['mosquitto', 'sandpiper'])('the demo with %s as the cloud keeps every promise and says so', { timeout: DEADLINE_MS + 2000 }, async (cloud, { expect }) => {
  const { code, stdout, stderr } = await demo(['--quick', '--cloud', cloud])
  expect(stderr).toBe('')
  expect(stdout).toMatch(/QoS 1: [\d,]+ acknowledged, lost 0, duplicated \d+, out of order 0\n/)
  expect(stdout).toMatch(/QoS 2: [\d,]+ acknowledged, lost 0, duplicated 0, out of order 0\n/)
  expect(stdout).toContain('2 outages of the link\nand 2 times kill -9')
  expect(stdout).toContain('All that was acknowledged has arrived, in order, and QoS 2 exactly once.')
  expect(code).toBe(0)
})

test('an unknown option is a sentence', async () => {
  const { code, stdout } = await demo(['--fast'])
  expect(stdout).toMatch(/^Unknown option '--fast'/)
  expect(code).toBe(2)
})
