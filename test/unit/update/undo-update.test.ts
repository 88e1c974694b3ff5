// Taking an update back when its program does not run: a shell script that knows no more of a trial than a few of its words.
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Trial } from '../../../src/update/record.ts'
import { program, UpdateBed } from '../../support/update-bed.ts'

const SCRIPT = join(import.meta.dirname, '../../../image/rootfs/usr/lib/sandpiper/undo-update')
const TRIAL: Trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: true, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: { topic: 'site "x"/reply', correlation: null } }

class Device extends UpdateBed {
  /** Programs that only write down how they were called. */
  undo(slot: string): string[] {
    for (const name of ['systemctl', 'boot-slot']) {
      this.put(join(this.root, 'bin', name), `#!/bin/sh\n[ "$1" = get-current ] && echo ${slot} || echo "${name} $*" >> ${this.root}/calls\n`)
      chmodSync(join(this.root, 'bin', name), 0o755)
    }
    this.put(join(this.root, 'calls'), '')
    const env = { PATH: `${this.root}/bin:${process.env.PATH}`, SANDPIPER_UPDATE_DATA: this.places.data, SANDPIPER_APPS: this.places.apps, SANDPIPER_BOOT_SLOT: `${this.root}/bin/boot-slot` }
    const { status, stderr } = spawnSync('sh', [SCRIPT, 'it does not run'], { encoding: 'utf8', env })
    expect(`${status} ${stderr}`).toBe('0 ')
    return readFileSync(join(this.root, 'calls'), 'utf8').split('\n').filter((line) => line !== '')
  }
}

test('a root', () => {
  using device = new Device()
  device.records.trial = TRIAL
  expect(device.undo('B')).toEqual(['boot-slot set-state B bad', 'systemctl reboot --no-block'])
  expect(device.records.trial).toBeNull()
  expect(device.records.last).toMatchObject({ outcome: 'rolled-back', kind: 'root', version: '0.2.0', reason: 'it does not run', job: 'j', asker: TRIAL.asker })
})

test('a root that does not run any more', () => {
  using device = new Device()
  device.records.trial = TRIAL
  expect(device.undo('A')).toEqual([])
  expect(device.records.trial).toBeNull()
})

test('an application', () => {
  using device = new Device()
  device.applications.stage('0.2.0-12345678', program('0.2.0'))
  device.applications.switchTo('0.2.0-12345678')
  device.records.trial = { ...TRIAL, kind: 'application', slot: '0.2.0-12345678' }
  expect(device.undo('A')).toEqual(['systemctl restart --no-block sandpiper-apply.service sandpiper.service'])
  expect(device.applications.running()).toMatchObject({ version: '0.1.0' })
  expect(device.records.last).toMatchObject({ kind: 'application', version: '0.2.0' })
})

test('a record that is damaged: the tries of the boot loader decide', () => {
  using device = new Device()
  device.put(join(device.places.data, 'trial.json'), '\0\0\0')
  expect(device.undo('B')).toEqual([])
  expect(device.records.last).toMatchObject({ outcome: 'rolled-back', kind: 'root' })
})
