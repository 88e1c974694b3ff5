// `sandpiper update` as a process: its words, its exit codes, and that it stays as long as it waits.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { endWithUs } from '../support/orphans.ts'
import { UpdateBed } from '../support/update-bed.ts'

const PROJECT = join(import.meta.dirname, '../..')
const MAIN = join(PROJECT, 'src/main.ts')

function sandpiper(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, 'update', ...args], { encoding: 'utf8', timeout: 15_000 })
}

test('on a machine that does not run from the image, apt is the way', () => {
  const { status, stderr } = sandpiper('install', 'x.sandpiper')
  expect(status).toBe(1)
  expect(stderr).toBe('sandpiper: this machine does not run from the image: install the newer package there: sudo apt install ./sandpiper_VERSION_ARCH.deb\n')
})

test.each([[[]], [['upgrade']], [['install']], [['mark-good']], [['work']]])('%j says how it is meant', (args) => {
  const { status, stderr } = sandpiper(...args)
  expect(status).toBe(1)
  expect(stderr).toMatch(/sandpiper --help shows the commands\n$/)
})

test('status is told anywhere', () => {
  expect(sandpiper('status')).toMatchObject({ status: 0, stdout: 'Sandpiper of no known version\n' })
  expect(JSON.parse(sandpiper('status', '--json').stdout)).toMatchObject({ version: null, slot: null, trial: null, progress: null, last: null })
})

test('a process that looks after a trial stays until there is a verdict', async () => {
  using device = new UpdateBed()
  device.records.trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'A', isInstalled: true, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: null }
  const code = `import { update } from ${JSON.stringify(join(PROJECT, 'src/commands/update.ts'))}
    process.exitCode = await update(['mark-good'], { config: '/nowhere.yaml' }, { write: (text) => process.stdout.write(text) }, ${JSON.stringify(device.root)})`
  const child = endWithUs(spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' }))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  expect(await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve('stays'), 4000))])).toBe('stays')
  device.records.trial = null
  expect(await ended).toBe(0)
})
