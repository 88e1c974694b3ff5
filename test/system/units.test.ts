// All units, of the package and of the appliance, as systemd reads them: nothing that it does not know, no program that is not there, no order that
// cannot be kept. And how much the gateway's service may do.
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const UNITS = join(ROOT, 'systemd')
const SYSTEM = ['/usr/lib/systemd/system', '/lib/systemd/system'].find((folder) => existsSync(join(folder, 'sysinit.target')))
const hasSystemd = existsSync('/usr/bin/systemd-analyze') && SYSTEM !== undefined
const why = hasSystemd ? '' : ' (skipped: apt-get install systemd)'
/** As `systemd-analyze security` counts, in tenths. */
const EXPOSURE_MAX = 15

let root: string
const units: string[] = []

/** A tree as the image's: our units among the system's own, and a program wherever one of them starts one that this machine may not have. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sandpiper-units-'))
  if (!hasSystemd) return
  const to = join(root, 'usr/lib/systemd/system')
  await mkdir(to, { recursive: true })
  await symlink('usr/lib', join(root, 'lib'))
  await cp(SYSTEM!, to, { recursive: true, verbatimSymlinks: true })
  const files: string[] = []
  for (const folder of [UNITS, join(UNITS, 'appliance')]) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isFile() && /\.(service|socket|timer|path|mount|target)$/.test(entry.name)) {
        units.push(entry.name.replace('@.', '@x.'))
        files.push(path)
        await cp(path, join(to, entry.name))
      } else if (entry.isDirectory() && /\.\w+\.d$/.test(entry.name) && !entry.name.endsWith('.conf.d')) {
        await cp(path, join(to, entry.name), { recursive: true })
        for (const file of await readdir(path)) files.push(join(path, file))
      }
    }
  }
  const started = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).flatMap((text) => [...text.matchAll(/^Exec\w+=[-+!@:]*(\/\S+)/gm)].map((match) => match[1]!))
  for (const program of new Set(started)) await stub(program)
  // Programs of ours are those of the tree, not stubs: what no file there stands for is missing on the device too.
  expect(started.filter((program) => program.startsWith('/usr/lib/sandpiper/') && !isOurs(basename(program)))).toEqual([])
})

function isOurs(name: string): boolean {
  return existsSync(join(ROOT, 'image/rootfs/usr/lib/sandpiper', name)) || existsSync(join(ROOT, 'scripts/deb', `${name}.sh`))
}

async function stub(program: string): Promise<void> {
  const path = join(root, program)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, '#!/bin/sh\n')
  await chmod(path, 0o755)
}

afterAll(() => rm(root, { recursive: true, force: true }))

function analyze(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile('systemd-analyze', args, { cwd: root, env: { ...process.env, SYSTEMD_COLORS: '0', SYSTEMD_LOG_LEVEL: 'warning' } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}`.trim() })
    })
  })
}

describe.skipIf(!hasSystemd)(`units${why}`, () => {
  test('systemd finds nothing to say about any of them, nor about all of them together', async () => {
    expect(units).toEqual(expect.arrayContaining(['sandpiper.service', 'sandpiper-dial.socket', 'sandpiper-dial@x.service', 'sandpiper-log.timer']))
    expect(await analyze('verify', '--man=no', '--recursive-errors=one', `--root=${root}`, ...units)).toEqual({ code: 0, output: '' })
  })

  test('systemd would find what is wrong', async () => {
    await writeFile(join(root, 'usr/lib/systemd/system/wrong.service'), '[Service]\nExecStart=/usr/lib/sandpiper/none\nProtectSytem=yes\n')
    const { code, output } = await analyze('verify', '--man=no', '--recursive-errors=one', `--root=${root}`, 'wrong.service')
    expect(code).not.toBe(0)
    expect(output).toContain('ProtectSytem')
    expect(output).toContain('/usr/lib/sandpiper/none is not executable')
  })

  test('the gateway may do what it needs, and little more', async () => {
    const { code, output } = await analyze('security', '--no-pager', '--offline=true', `--root=${root}`, `--threshold=${EXPOSURE_MAX}`, 'sandpiper.service')
    expect(output).toMatch(/Overall exposure level for sandpiper.service: [01]\.\d/)
    expect(code).toBe(0)
  })

  test.each(['sandpiper-dial@x.service', 'sandpiper-log.service'])('%s runs as root, and not with all that root may', async (unit) => {
    const { output } = await analyze('security', '--no-pager', '--offline=true', `--root=${root}`, '--threshold=60', unit)
    expect(output).not.toMatch(/[✗].*CapabilityBoundingSet=~CAP_SYS_(ADMIN|PTRACE|MODULE|RAWIO)/)
  })
})
