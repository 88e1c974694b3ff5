// The small ring of warnings on the data partition: its own script, with a journal that says what the test wants.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

const SCRIPT = join(import.meta.dirname, '../../image/rootfs/usr/lib/sandpiper/keep-warnings')
const RUN_BYTES_MAX = 16_384
const FILE_BYTES_MAX = 262_144

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-log-'))
  await writeFile(join(folder, 'journalctl'), `#!/bin/sh\necho "$@" >> ${folder}/asked\ncat ${folder}/journal\n`)
  await chmod(join(folder, 'journalctl'), 0o755)
})

afterEach(() => rm(folder, { recursive: true, force: true }))

async function keep(journal: string): Promise<void> {
  await writeFile(join(folder, 'journal'), journal)
  await promisify(execFile)('sh', [SCRIPT, join(folder, 'log')], { env: { PATH: `${folder}:/usr/bin:/bin`, RUNTIME_DIRECTORY: join(folder, 'run') } })
}

const kept = (name = 'warnings.log'): Promise<string> => readFile(join(folder, 'log', name), 'utf8')

test('nothing new, nothing written', async () => {
  await keep('')
  expect(await readdir(folder)).not.toContain('log')
})

test('what is new is appended; the journal is asked from where it was left', async () => {
  await keep('one\n')
  await keep('two\n')
  expect(await kept()).toBe('one\ntwo\n')
  const asked = await readFile(join(folder, 'asked'), 'utf8')
  expect(asked).toMatch(/--priority=warning .*--cursor-file=/)
  expect(asked).not.toContain('--follow')
})

test('of a storm the newest is kept, and how much was not', async () => {
  await keep(Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(40)}\n`).join(''))
  const text = await kept()
  const lines = text.trimEnd().split('\n')
  expect(text.length).toBeLessThanOrEqual(RUN_BYTES_MAX + 100)
  expect(lines.at(-1)).toMatch(/^line 4999 /)
  expect(lines[0]).toBe(`… ${5000 - (lines.length - 1)} lines before were left out`)
})

test('two files, neither larger than the ring', async () => {
  const much = `${'y'.repeat(99)}\n`.repeat(160)
  for (let i = 0; i < 40; i++) await keep(much)
  expect((await readdir(join(folder, 'log'))).toSorted()).toEqual(['warnings.1.log', 'warnings.log'])
  for (const name of await readdir(join(folder, 'log'))) expect((await stat(join(folder, 'log', name))).size).toBeLessThanOrEqual(FILE_BYTES_MAX)
})
