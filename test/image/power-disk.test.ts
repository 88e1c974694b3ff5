// The disk that forgets: judged by QEMU's own tool for disks.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PowerDisk, SECTOR_BYTES } from './power-disk.ts'

const QEMU_IO = '/usr/bin/qemu-io'
const DISK_BYTES = 1024 * 1024

let folder: string
let image: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-disk-'))
  image = join(folder, 'disk.img')
  await writeFile(image, '')
  await truncate(image, DISK_BYTES)
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** Commands of qemu-io(1), as a guest would write. It flushes when it ends: with `abort` it ends as with the power. */
async function io(...commands: string[]): Promise<string> {
  const args = ['-f', 'raw', '-t', 'writeback', ...commands.flatMap((command) => ['-c', command]), `nbd+unix:///?socket=${join(folder, 'disk.sock')}`]
  const result = promisify(execFile)(QEMU_IO, args)
  if (commands.at(-1) !== 'abort') return (await result).stdout
  const { signal, stdout } = await result.catch((error: unknown) => error as { readonly signal: string; readonly stdout: string }) as { readonly signal?: string; readonly stdout: string }
  expect(signal).toBe('SIGABRT')
  return stdout
}

describe.skipIf(!existsSync(QEMU_IO))(`a disk without power${existsSync(QEMU_IO) ? '' : ' (skipped: qemu-utils is not installed)'}`, () => {
  test('has what was flushed, and not what was not', async () => {
    await using disk = await PowerDisk.serve(image, join(folder, 'disk.sock'))
    await io('write -f -P 0x11 0 8k', 'write -P 0x22 8k 8k', 'read -P 0x22 8k 8k', 'read -P 0x11 0 8k', 'abort')
    expect(disk.cut(() => false)).toEqual({ cached: 8192 / SECTOR_BYTES, kept: 0 })
    const bytes = await readFile(image)
    expect([bytes.subarray(0, 8192).every((b) => b === 0x11), bytes.subarray(8192).every((b) => b === 0)]).toEqual([true, true])
  })

  test('may have any of the sectors that were not flushed, whole', async () => {
    await using disk = await PowerDisk.serve(image, join(folder, 'disk.sock'))
    await io('write -P 0x33 64k 4k', 'abort')
    let n = 0
    expect(disk.cut(() => n++ % 2 === 1)).toEqual({ cached: 8, kept: 4 })
    const bytes = (await readFile(image)).subarray(65_536, 65_536 + 4096)
    expect(Array.from({ length: 8 }, (_, i) => new Set(bytes.subarray(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES)))).toEqual(Array.from({ length: 8 }, (_, i) => new Set([i % 2 === 0 ? 0 : 0x33])))
    expect(await io('read -P 0x33 66048 512', 'read -P 0 65536 512')).not.toMatch(/Pattern verification failed/)
  })

  test('stops between two writes, and keeps them in its cache', async () => {
    await using disk = await PowerDisk.serve(image, join(folder, 'disk.sock'))
    const stopped = disk.stopAfter(2)
    const writer = new AbortController()
    const args = ['-f', 'raw', '-t', 'writeback', '-c', 'write -P 1 0 512', '-c', 'write -P 2 1k 512', '-c', 'write -P 3 2k 512', `nbd+unix:///?socket=${join(folder, 'disk.sock')}`]
    const ended = promisify(execFile)(QEMU_IO, args, { signal: writer.signal, killSignal: 'SIGKILL' }).catch(() => {})
    await stopped
    writer.abort()
    await ended
    expect(disk.cut(() => true)).toEqual({ cached: 2, kept: 2 })
    expect([...(await readFile(image)).subarray(0, 2049)].filter((b) => b !== 0 && b !== 1)).toEqual(Array.from({ length: 512 }, () => 2))
  })

  test('answers what it cannot do with an error, and goes on', async () => {
    await using disk = await PowerDisk.serve(image, join(folder, 'disk.sock'))
    await expect(io('write -P 1 2M 512')).rejects.toThrow(/qemu-io/)
    await io('discard 0 4k', 'write -P 1 0 512', 'abort')
    expect(disk.cut(() => true).kept).toBe(1)
    expect((await readFile(image)).subarray(0, 513)).toEqual(Buffer.concat([Buffer.alloc(512, 1), Buffer.alloc(1)]))
  })
})
