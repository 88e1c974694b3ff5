// Applications on disk: the power may go between any two changes of the disk, and the launcher of the package, run for real, finds a program
// that works; the starts of one on trial are counted, and the last one is followed by the program of before.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Applications, TRIES_MAX } from '../../../src/update/application.ts'
import { type Disk, disk } from '../../../src/update/disk.ts'
import { program, UpdateBed } from '../../support/update-bed.ts'

const PROJECT = join(import.meta.dirname, '../../..')
const CHANGES = ['write', 'replace', 'link', 'makeFolder', 'move', 'remove'] as const

/** The power goes before the change of this number, counted from 1; nothing happens after that. */
function dyingDisk(atChange: number): Disk & { readonly changes: () => number } {
  let changes = 0
  const counted = CHANGES.map((name) => [
    name,
    (...args: [never, never]): void => {
      if (++changes >= atChange) throw new Error('the power is gone')
      disk[name](...args)
    },
  ])
  return { ...disk, ...(Object.fromEntries(counted) as Pick<Disk, (typeof CHANGES)[number]>), changes: () => changes }
}

class Device extends UpdateBed {
  readonly #launcher = readFileSync(join(PROJECT, 'scripts/deb/sandpiper.sh'), 'utf8')

  constructor() {
    super()
    symlinkSync(process.execPath, join(this.places.program, 'node'))
    this.put(join(this.places.program, 'addons/x.node'), '')
  }

  /** What the launcher starts says that it is this. */
  start(env: Readonly<Record<string, string>> = {}): string {
    const script = this.#launcher.replaceAll('@FLAGS@', '').replaceAll(/(?<![\w$])\/(usr\/lib\/sandpiper|data\/app)/g, `${this.root}/$1`)
    const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sandpiper', '--version'], { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } })
    expect(stderr).toBe('')
    return stdout.trim()
  }

  /** What runs before each start of the service. */
  count(): void {
    const { status, stderr } = this.script('count')
    expect(`${status} ${stderr}`).toBe('0 ')
  }

  script(order: string): { status: number | null; stderr: string } {
    const env = { PATH: process.env.PATH, SANDPIPER_APPS: this.places.apps, SANDPIPER_UPDATE_DATA: this.places.data }
    return spawnSync('sh', [join(PROJECT, 'image/rootfs/usr/lib/sandpiper/app-start'), order], { encoding: 'utf8', env })
  }

  install(version: string, applications = this.applications): void {
    const name = applications.nameOf(version, version.replaceAll('.', '').padEnd(64, '0'))
    applications.stage(name, program(version))
    applications.switchTo(name)
  }
}

test('it runs in place of the root’s own program, and is asked not to', () => {
  using device = new Device()
  expect(device.start()).toBe('sandpiper 0.1.0')
  device.install('0.2.0')
  expect(device.start()).toBe('sandpiper 0.2.0')
  expect(device.start({ SANDPIPER_PROGRAM: 'root' })).toBe('sandpiper 0.1.0')
  expect(device.applications.running()).toMatchObject({ version: '0.2.0', application: '0.2.0-02000000' })
  expect(existsSync(join(device.places.apps, 'current/addons/x.node'))).toBe(true)
})

test('another root ends it, and the root of before brings it back', () => {
  using device = new Device()
  device.install('0.2.0')
  device.putRoot('0.1.9')
  expect(device.start()).toBe('sandpiper 0.1.9')
  expect(device.applications.running()).toMatchObject({ version: '0.1.9', application: null })
  device.putRoot('0.1.0')
  expect(device.start()).toBe('sandpiper 0.2.0')
})

test('the same version over another root is written anew', () => {
  using device = new Device()
  device.install('0.2.0')
  device.putRoot('0.1.9')
  device.install('0.2.0')
  expect(device.start()).toBe('sandpiper 0.2.0')
})

test('two are kept: the current one and the one before', () => {
  using device = new Device()
  for (const version of ['0.2.0', '0.3.0', '0.4.0']) {
    device.install(version)
    device.applications.keep()
  }
  expect(readdirSync(device.places.apps).toSorted()).toEqual(['0.3.0-03000000', '0.4.0-04000000', 'current', 'previous'])
  expect(device.applications.drop()).toBe(true)
  expect(device.start()).toBe('sandpiper 0.3.0')
  expect(device.applications.drop()).toBe(true)
  expect(device.start()).toBe('sandpiper 0.1.0')
  expect(device.applications.drop()).toBe(false)
})

describe('starts of one on trial', () => {
  test('are counted, and after the last one what was before runs', () => {
    using device = new Device()
    device.install('0.2.0')
    device.applications.keep()
    device.install('0.3.0')
    device.records.trial = { kind: 'application', version: '0.3.0', from: '0.2.0', slot: '0.3.0-03000000', isInstalled: true, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: { topic: 'a/b', correlation: 'Yw==' } }
    for (let i = 0; i < TRIES_MAX; i++) {
      device.count()
      expect(device.start()).toBe('sandpiper 0.3.0')
    }
    expect(device.applications.isOnTrial()).toBe(true)
    device.count()
    expect(device.start()).toBe('sandpiper 0.2.0')
    expect(device.records.last).toMatchObject({ outcome: 'rolled-back', kind: 'application', version: '0.3.0', reason: 'it was started three times and was never seen to work', job: 'j', asker: { topic: 'a/b', correlation: 'Yw==' } })
    expect(device.records.trial).toBeNull()
    device.count()
    expect(device.start()).toBe('sandpiper 0.2.0')
  })

  test('of one that works are not', () => {
    using device = new Device()
    device.install('0.2.0')
    device.count()
    device.applications.keep()
    expect(device.applications.isOnTrial()).toBe(false)
    for (let i = 0; i < 5; i++) device.count()
    expect(device.start()).toBe('sandpiper 0.2.0')
    expect(device.records.last).toBeNull()
  })

  test.each(['', 'x', '0.2.0-02000000', '0.2.0-02000000 many', '0.2.0-02000000 999'])('a count that is damaged (%j) never keeps it running for ever', (text) => {
    using device = new Device()
    device.install('0.2.0')
    device.put(join(device.places.apps, 'tries'), text)
    const { status } = device.script('count')
    expect(status).toBe(0)
    expect(['sandpiper 0.1.0', 'sandpiper 0.2.0']).toContain(device.start())
  })
})

describe('the power goes at each step of an installation', () => {
  const steps = ((): number => {
    using device = new Device()
    const counting = dyingDisk(Infinity)
    device.install('0.3.0', new Applications(device.places, counting))
    return counting.changes()
  })()

  test.each([...Array(steps + 3).keys()].map((i) => i + 1))('before change %i', (at) => {
    using device = new Device()
    device.install('0.2.0')
    device.applications.keep()
    let isWhole = true
    try {
      device.install('0.3.0', new Applications(device.places, dyingDisk(at)))
    } catch {
      isWhole = false
    }
    device.count()
    const started = device.start()
    if (isWhole) expect(started).toBe('sandpiper 0.3.0')
    else expect(['sandpiper 0.2.0', 'sandpiper 0.3.0']).toContain(started)
    // what was started is on trial when it is the new one, and only then
    expect(device.applications.isOnTrial()).toBe(started === 'sandpiper 0.3.0')
    // a machine that is started again and again keeps a program
    for (let i = 0; i < 5; i++) device.count()
    expect(device.start()).toBe('sandpiper 0.2.0')
    // and the installation can be done once more
    device.install('0.3.0')
    expect(device.start()).toBe('sandpiper 0.3.0')
  })
})

describe('the power goes at each step of going back', () => {
  test.each([1, 2, 3, 4])('before change %i', (at) => {
    using device = new Device()
    device.install('0.2.0')
    device.applications.keep()
    device.install('0.3.0')
    try {
      new Applications(device.places, dyingDisk(at)).drop()
    } catch {
      // as it is now
    }
    expect(['sandpiper 0.2.0', 'sandpiper 0.3.0']).toContain(device.start())
    for (let i = 0; i < 5; i++) device.count()
    expect(device.start()).toBe('sandpiper 0.2.0')
  })

  test('the one before is not there any more', () => {
    using device = new Device()
    device.install('0.2.0')
    device.applications.keep()
    device.install('0.3.0')
    rmSync(join(device.places.apps, '0.2.0-02000000'), { recursive: true })
    device.applications.drop()
    expect(device.start()).toBe('sandpiper 0.1.0')
  })
})
