// The units of updates and the shell scripts they call: systemd and the shell find nothing wrong with them.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const PROJECT = join(import.meta.dirname, '../../..')
const UNITS = ['sandpiper-update.service', 'sandpiper-update.path', 'sandpiper-mark-good.service', 'sandpiper-undo-update.service']
const SCRIPTS = ['boot-slot', 'slot-name', 'app-start', 'undo-update', 'card-file']
const hasSystemd = spawnSync('systemd-analyze', ['--version']).error === undefined

test.each(SCRIPTS)('%s is a shell script that can be run', (name) => {
  const path = join(PROJECT, 'image/rootfs/usr/lib/sandpiper', name)
  expect(spawnSync('sh', ['-n', path], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
  expect(() => execFileSync('test', ['-x', path])).not.toThrow()
})

test.skipIf(!hasSystemd)('systemd-analyze verify', () => {
  const folder = mkdtempSync(join(tmpdir(), 'units-'))
  try {
    for (const unit of UNITS) {
      cpSync(join(PROJECT, 'systemd/appliance', unit), join(folder, unit))
      // programs of the device are not on this machine
      const text = readFileSync(join(folder, unit), 'utf8')
      writeFileSync(join(folder, unit), text.replaceAll(/^(ExecStart=)\S+/gm, '$1/bin/true'))
    }
    const { stderr } = spawnSync('systemd-analyze', ['verify', ...UNITS.map((unit) => join(folder, unit))], { encoding: 'utf8', env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` } })
    expect(stderr.split('\n').filter((line) => UNITS.some((unit) => line.includes(unit)))).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('names for the slots', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slot-name-'))
  // two disks with the same partitions; the root runs from the second partition of the first
  for (const [disk, major, prefix] of [['mmcblk0', '179', 'mmcblk0p'], ['sda', '8', 'sda']] as const) {
    for (const number of [1, 2, 3, 4, 5]) {
      const path = join(folder, 'devices', disk, `${prefix}${number}`)
      execFileSync('mkdir', ['-p', path, join(folder, 'class/block'), join(folder, 'dev/block')])
      writeFileSync(join(path, 'partition'), `${number}\n`)
      execFileSync('ln', ['-s', path, join(folder, 'class/block', `${prefix}${number}`)])
      execFileSync('ln', ['-s', path, join(folder, 'dev/block', `${major}:${number}`)])
    }
    execFileSync('ln', ['-s', join(folder, 'devices', disk), join(folder, 'class/block', disk)])
  }
  const nameOf = (partition: string, root: string): string => {
    const { stdout, status } = spawnSync('sh', [join(PROJECT, 'image/rootfs/usr/lib/sandpiper/slot-name'), partition], { encoding: 'utf8', env: { PATH: process.env.PATH, SANDPIPER_SYS: folder, SANDPIPER_ROOT_DEVICE: root } })
    return status === 0 ? stdout.trim() : ''
  }
  const all = ['mmcblk0', ...[1, 2, 3, 4, 5].map((n) => `mmcblk0p${n}`), 'sda', ...[1, 2, 3, 4, 5].map((n) => `sda${n}`)]

  test.each([
    ['179:2', ['', 'gateway', 'root-a', 'root-b', 'data', '', '', '', '', '', '', '']],
    ['179:3', ['', 'gateway', 'root-a', 'root-b', 'data', '', '', '', '', '', '', '']],
    ['8:2', ['', '', '', '', '', '', '', 'gateway', 'root-a', 'root-b', 'data', '']],
    ['0:25', all.map(() => '')],
  ] as [string, string[]][])('the root on %s', (root, names) => expect(all.map((partition) => nameOf(partition, root))).toEqual(names))

  test('the scripts are all there', () => expect(readdirSync(join(PROJECT, 'image/rootfs/usr/lib/sandpiper'))).toEqual(expect.arrayContaining(SCRIPTS)))
})
