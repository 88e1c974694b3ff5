// The update service and what looks after its trials, on a device's tree: real packages and files, programs of the appliance played.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { UpdateConfig } from '../../../src/config/config.ts'
import { Download } from '../../../src/update/download.ts'
import { markGood } from '../../../src/update/mark-good.ts'
import { makePackage } from '../../../src/update/package.ts'
import { describeStatus, statusOf } from '../../../src/update/report.ts'
import { ask } from '../../../src/update/request.ts'
import { Worker } from '../../../src/update/worker.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeMachine, makeKeyPair, program, UpdateBed } from '../../support/update-bed.ts'

const CONFIG: UpdateConfig = { commandTopic: null, rateMax: Infinity, withinMs: 900_000, allowDowngrade: false }
const BUNDLE = Buffer.from('hsqs and so on')

class Device extends UpdateBed {
  readonly clock = new FakeClock()
  readonly machine = new FakeMachine()
  readonly said: string[] = []

  get deps() {
    const { clock, places, disk, records, applications, machine } = this
    return { clock, places, disk, records, applications, machine, say: (line: string) => void this.said.push(line) }
  }

  async work(config: Partial<UpdateConfig> = {}): Promise<void> {
    const download = new Download({ clock: this.clock, disk: this.disk, folder: this.places.data })
    const done = new Worker({ ...this.deps, download, config: { ...CONFIG, ...config } }).run()
    const state = { isDone: false }
    void done.finally(() => (state.isDone = true))
    for (let i = 0; !state.isDone && i < 2000; i++) await this.clock.advanceAsync(100)
    await done
  }

  /** On the card, as a person lays it there. */
  lay(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.places.card, name), bytes)
  }

  asked(wish: Parameters<typeof ask>[1], folder = join(this.places.runtime, 'requests')): string {
    return ask(folder, wish, null)
  }

  status(): string {
    return describeStatus(statusOf(this.places, this.disk, this.records, this.applications))
  }

  /** The gateway runs, and has been connected by these. */
  gatewayRuns(uplinks: readonly string[], port = 1, source = 'file'): void {
    const status = { config: { source }, broker: { listeners: [{ port, host: '127.0.0.1', tls: false }] }, uplinks: uplinks.map((name) => ({ name, everConnected: true })) }
    this.put(join(this.places.gateway, 'status.json'), JSON.stringify(status))
  }
}

describe('a file on the card', () => {
  test('an application: installed, on trial, and the file is gone', async () => {
    using device = new Device()
    device.gatewayRuns(['sat'])
    device.lay('New Version.SANDPIPER', device.package('0.2.0'))
    await device.work()
    expect(device.machine.calls).toEqual(['card-file remove', 'restart', 'watch'])
    expect(device.applications.running()).toMatchObject({ version: '0.2.0' })
    expect(device.records.trial).toMatchObject({ kind: 'application', version: '0.2.0', from: '0.1.0', isInstalled: true, uplinks: ['sat'], waitedMs: 0 })
    expect(device.status()).toContain('The application 0.2.0 is on trial: it stays when the broker works and an uplink is connected (sat), else 0.1.0 comes back.')
    expect(readdirSync(device.places.card)).toEqual([])
  })

  test('a root: written to the other slot, and the machine starts anew', async () => {
    using device = new Device()
    device.machine.bundle = { compatible: 'sandpiper-amd64', version: '0.2.0' }
    device.machine.onInstall = () => expect(device.records.trial).toMatchObject({ kind: 'root', slot: 'B', isInstalled: false })
    device.lay('root.raucb', BUNDLE)
    await device.work()
    expect(device.machine.calls).toEqual(['rauc install FILE', 'card-file remove', 'reboot'])
    expect(device.records.trial).toMatchObject({ kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: true })
  })

  test('what is refused gets another name, and it is told why', async () => {
    using device = new Device()
    const strangers = makeKeyPair(device.root, 'strangers')
    device.lay('a.sandpiper', makePackage(device.contents('0.2.0'), null, strangers.key))
    await device.work()
    expect(device.machine.calls).toEqual(['card-file refuse'])
    expect(device.records.last).toMatchObject({ outcome: 'refused', kind: 'application', reason: 'it is damaged, or not signed with a key that this gateway trusts' })
    expect(device.status()).toMatch(/Last update: application: refused because it is damaged/)
    expect(device.applications.running()).toMatchObject({ version: '0.1.0' })
  })

  test('a link is not followed, other files are left alone', async () => {
    using device = new Device()
    device.put(join(device.root, 'elsewhere'), device.package('0.2.0'))
    symlinkSync(join(device.root, 'elsewhere'), join(device.places.card, 'a.sandpiper'))
    device.lay('b.sandpiper.refused', device.package('0.2.0'))
    device.lay('.c.sandpiper', device.package('0.2.0'))
    await device.work()
    expect(device.records.last).toMatchObject({ outcome: 'refused', reason: expect.stringMatching(/cannot be read/) as string })
    expect(device.applications.running()).toMatchObject({ version: '0.1.0' })
  })
})

describe('refused', () => {
  test.each([
    ['older than what runs', '0.0.9', {}, '0.0.9 is older than the installed 0.1.0: `update: { allowDowngrade: true }` would take it'],
    ['neither package nor bundle', null, {}, 'it is neither an application package nor a bundle of a root'],
    ['not the file that was meant', '0.2.0', { sha256: 'a'.repeat(64) }, 'it is not the file whose SHA-256 was given'],
  ] as [string, string | null, { sha256?: string }, string][])('%s', async (_, version, more, reason) => {
    using device = new Device()
    device.put(join(device.root, 'file'), version === null ? 'a text' : device.package(version))
    const job = device.asked({ install: join(device.root, 'file'), ...more })
    await device.work()
    expect(device.records.last).toMatchObject({ outcome: 'refused', reason, job })
    expect(device.machine.calls).toEqual([])
    expect(device.records.job).toBeNull()
  })

  test('an older one is taken where the configuration allows it', async () => {
    using device = new Device()
    device.put(join(device.root, 'file'), device.package('0.0.9'))
    device.asked({ install: join(device.root, 'file') })
    await device.work({ allowDowngrade: true })
    expect(device.applications.running()).toMatchObject({ version: '0.0.9' })
  })

  test('a program that does not start at all is not switched to', async () => {
    using device = new Device()
    device.machine.startsTrouble = 'it does not start: SyntaxError'
    device.lay('a.sandpiper', device.package('0.2.0'))
    await device.work()
    expect(device.records.last).toMatchObject({ outcome: 'refused', reason: 'it does not start: SyntaxError' })
    expect(device.records.trial).toBeNull()
    expect(device.applications.running()).toMatchObject({ version: '0.1.0' })
  })

  test('a root whose signature RAUC does not find good', async () => {
    using device = new Device()
    device.lay('a.raucb', BUNDLE)
    await device.work()
    expect(device.records.last).toMatchObject({ outcome: 'refused', kind: 'root' })
    expect(device.machine.calls).toEqual(['card-file refuse'])
  })

  test('a root that could not be written: what was before stays', async () => {
    using device = new Device()
    device.machine.bundle = { compatible: 'c', version: '0.2.0' }
    device.machine.installs = 'the slot is too small'
    device.lay('a.raucb', BUNDLE)
    await device.work()
    expect(device.records.last).toMatchObject({ outcome: 'failed', kind: 'root', version: '0.2.0', reason: 'the slot is too small' })
    expect(device.records.trial).toBeNull()
    expect(device.machine.calls).toEqual(['rauc install FILE', 'card-file refuse'])
  })

  test('what takes the machine down each time is given up', async () => {
    using device = new Device()
    device.machine.bundle = { compatible: 'c', version: '0.2.0' }
    device.put(join(device.root, 'file.raucb'), BUNDLE)
    device.records.job = { id: 'j', source: join(device.root, 'file.raucb'), sha256: null, allowDowngrade: false, asker: null, attempts: 3 }
    await device.work()
    expect(device.records.last).toMatchObject({ outcome: 'failed', reason: 'the machine went down in each of 3 attempts' })
    expect(device.machine.calls).toEqual([])
  })
})

test('a root that is installed already: a command that came twice restarts nothing', async () => {
  using device = new Device()
  device.machine.bundle = { compatible: 'c', version: '0.1.0' }
  device.put(join(device.root, 'file.raucb'), BUNDLE)
  device.asked({ install: join(device.root, 'file.raucb') })
  await device.work()
  expect(device.records.last).toMatchObject({ outcome: 'refused', reason: '0.1.0 is installed already' })
  expect(device.machine.calls).toEqual([])
})

describe('requests of the gateway', () => {
  const inbox = (device: Device): string => join(device.places.gateway, 'requests')

  test('may name an address or what it has received, no other file', async () => {
    using device = new Device()
    device.put(join(device.root, 'file'), device.package('0.2.0'))
    for (const install of [join(device.root, 'file'), `${device.places.state}/update/../../x`, `${device.places.state}/update/x.sandpiper`, 'file:///etc/passwd']) device.asked({ install }, inbox(device))
    await device.work()
    expect(device.applications.running()).toMatchObject({ version: '0.1.0' })
    expect(device.records.last).toBeNull()
    expect(readdirSync(inbox(device))).toEqual([])
    const received = join(device.places.state, 'update', `${'a'.repeat(64)}.sandpiper`)
    device.put(received, device.package('0.2.0'))
    device.asked({ install: received }, inbox(device))
    await device.work()
    expect(device.applications.running()).toMatchObject({ version: '0.2.0' })
    expect(existsSync(received)).toBe(false)
  })

  test.each([
    ['not JSON', '{'],
    ['nothing', ''],
    ['null', 'null'],
    ['an identifier that is a path', '{"id":"../x","rollback":true}'],
    ['nothing asked', '{"id":"a"}'],
    ['too long', JSON.stringify({ id: 'a', install: `https://${'x'.repeat(9000)}` })],
  ])('%s is removed, and nothing happens', async (_, text) => {
    using device = new Device()
    device.put(join(inbox(device), 'update-1.json'), text)
    mkdirSync(join(inbox(device), 'update-folder.json'))
    symlinkSync('/etc/passwd', join(inbox(device), 'update-link.json'))
    await device.work()
    expect(readdirSync(inbox(device))).toEqual([])
    expect(device.records.last).toBeNull()
    expect(existsSync('/etc/passwd')).toBe(true)
  })
})

test('a delta by address, checked and installed, and its secret is not told', async () => {
  using device = new Device()
  const bytes = makePackage(device.contents('0.2.0'), { version: '0.1.0', files: program('0.1.0') }, device.keys.key)
  const server = createServer((_, response) => void response.writeHead(200, { 'content-length': bytes.length, etag: '"x"' }).end(bytes))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  device.asked({ install: `http://user:word@127.0.0.1:${port}/update?token=1` }, join(device.places.gateway, 'requests'))
  await device.work()
  server.close()
  expect(device.applications.running()).toMatchObject({ version: '0.2.0' })
  expect(readdirSync(device.places.data)).toEqual(['trial.json'])
  expect(device.said.join()).toContain(`http://127.0.0.1:${port}/update is installed`)
})

describe('back again, because somebody asks', () => {
  test('from an application to the root’s own program', async () => {
    using device = new Device()
    device.lay('a.sandpiper', device.package('0.2.0'))
    await device.work()
    const job = device.asked({ rollback: true })
    await device.work()
    expect(device.applications.running()).toMatchObject({ version: '0.1.0' })
    expect(device.records.trial).toBeNull()
    expect(device.records.last).toMatchObject({ outcome: 'rolled-back', reason: 'somebody asked for it', job })
  })
  test('from a root on trial', async () => {
    using device = new Device()
    device.machine.bundle = { compatible: 'c', version: '0.2.0' }
    device.lay('a.raucb', BUNDLE)
    await device.work()
    device.put(device.places.cmdline, 'sandpiper.slot=B')
    device.machine.calls.length = 0
    device.asked({ rollback: true })
    await device.work()
    expect(device.machine.calls).toEqual(['boot-slot set-state B bad', 'reboot'])
  })
  test('to the root in the other slot, which is on trial then', async () => {
    using device = new Device()
    device.records.slots = { A: '0.1.0', B: '0.0.9' }
    device.machine.otherHasSystem = true
    device.asked({ rollback: true })
    await device.work()
    expect(device.machine.calls).toEqual(['boot-slot set-primary B', 'reboot'])
    expect(device.records.trial).toMatchObject({ kind: 'root', version: '0.0.9', from: '0.1.0', slot: 'B' })
  })
  test('to nothing', async () => {
    using device = new Device()
    device.asked({ rollback: true })
    await device.work()
    expect(device.records.last).toMatchObject({ outcome: 'refused', reason: 'there is nothing to go back to' })
    expect(device.machine.calls).toEqual([])
  })
})

describe('the power goes', () => {
  test('while a root was written: the job is done again', async () => {
    using device = new Device()
    device.machine.bundle = { compatible: 'c', version: '0.2.0' }
    device.put(join(device.root, 'file.raucb'), BUNDLE)
    device.records.job = { id: 'j', source: join(device.root, 'file.raucb'), sha256: null, allowDowngrade: false, asker: null, attempts: 1 }
    device.records.trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: false, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: null }
    await device.work()
    expect(device.machine.calls).toEqual(['rauc install FILE', 'reboot'])
    expect(device.records).toMatchObject({ job: null, trial: { isInstalled: true } })
  })
  test('after a root from the card was kept, before its file was removed: it is removed now', async () => {
    using device = new Device()
    device.lay('a.raucb', BUNDLE)
    device.records.job = { id: 'card-a.raucb', source: join(device.places.card, 'a.raucb'), sha256: null, allowDowngrade: false, asker: null, attempts: 1 }
    device.records.last = { outcome: 'installed', kind: 'root', version: '0.1.0', reason: '', atMs: 1, job: 'card-a.raucb', source: null, asker: null }
    await device.work()
    expect(device.machine.calls).toEqual(['card-file remove'])
    expect(device.records.job).toBeNull()
  })
  test('when the new root was on trial already: it is not written again', async () => {
    using device = new Device()
    device.put(device.places.cmdline, 'sandpiper.slot=B')
    device.put(join(device.root, 'file.raucb'), BUNDLE)
    device.records.job = { id: 'j', source: join(device.root, 'file.raucb'), sha256: null, allowDowngrade: false, asker: null, attempts: 1 }
    device.records.trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: false, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: null }
    await device.work()
    expect(device.machine.calls).toEqual([])
    expect(device.records.job).toBeNull()
  })
})

describe('looking after what is on trial', () => {
  async function looked(device: Device, forMs: number): Promise<void> {
    const done = markGood({ ...device.deps, withinMs: CONFIG.withinMs })
    await device.clock.advanceAsync(0)
    for (let i = 0; i < forMs / 2000 && device.records.trial !== null; i++) {
      await new Promise((resolve) => setImmediate(resolve)) // a connection of the probe is refused meanwhile
      await device.clock.advanceAsync(2000)
    }
    if (device.records.trial === null) await done
  }

  test('an application whose gateway never comes up', async () => {
    using device = new Device()
    device.lay('a.sandpiper', device.package('0.2.0'))
    await device.work()
    device.machine.calls.length = 0
    await looked(device, 290_000)
    expect(device.records.trial).not.toBeNull()
    await looked(device, 400_000)
    expect(device.machine.calls).toEqual(['restart'])
    expect(device.applications.running()).toMatchObject({ version: '0.1.0' })
    expect(device.records.last).toMatchObject({ outcome: 'rolled-back', version: '0.2.0', reason: 'the broker did not work: the gateway has not come up' })
  })

  test('a root that runs on the safe default where the one before did not', async () => {
    using device = new Device()
    device.put(device.places.cmdline, 'sandpiper.slot=B')
    device.records.trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: true, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: null }
    device.gatewayRuns([], 1, 'default')
    await looked(device, 310_000)
    expect(device.machine.calls).toEqual(['boot-slot set-state B bad', 'reboot'])
    expect(device.records.last).toMatchObject({ reason: 'the broker did not work: it does not accept the configuration that ran before' })
  })

  test('the power goes after that was written down: the same is told by the old one', async () => {
    using device = new Device()
    device.records.trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: true, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: null }
    device.records.last = { outcome: 'rolled-back', kind: 'root', version: '0.2.0', reason: 'no uplink', atMs: 5, job: 'j', source: null, asker: null }
    await looked(device, 2000)
    expect(device.records.last).toMatchObject({ reason: 'no uplink', atMs: 5 })
    expect(device.records.trial).toBeNull()
  })

  test('GRUB went back by itself', async () => {
    using device = new Device()
    device.records.trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: true, uplinks: [], wasDefault: false, waitedMs: 0, job: 'j', asker: null }
    await looked(device, 2000)
    expect(device.machine.calls).toEqual(['boot-slot set-state B bad'])
    expect(device.records.last).toMatchObject({ outcome: 'rolled-back', reason: 'it did not start: the boot loader went back to the other slot' })
  })

  test('nothing is on trial', async () => {
    using device = new Device()
    await looked(device, 0)
    expect(device.machine.calls).toEqual([])
  })
})
