// Faults of the machine, each on a tree that shows it: every one is found by the whole examination, and a machine that is well has none.
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { describe, expect, test } from 'vitest'
import { mountOf } from '../../../src/doctor/disk.ts'
import { noGateway } from '../../../src/doctor/gateway-view.ts'
import { overlaps } from '../../../src/doctor/ports.ts'
import { DoctorBed, only, viewOfGateway } from './bed.ts'

describe('a machine that is well', () => {
  test('has no fault, and each check says what it has seen', async () => {
    using bed = new DoctorBed('broker: { listeners: [{ port: 1883 }] }')
    expect(await bed.ill()).toEqual([])
    expect((await bed.all()).filter(({ verdict }) => verdict === 'ok').map(({ name }) => name)).toEqual(['configuration', 'port/1883', 'clock', 'disk', 'card'])
  })

  test('without a configuration the rest is looked at all the same', async () => {
    using bed = new DoctorBed('', { config: null, file: null })
    expect(only(await bed.ill())).toMatchObject({ name: 'configuration', verdict: 'unknown' })
    expect((await bed.all()).map(({ name }) => name)).toContain('card')
  })

  test('a check that fails by itself is a finding, and the others go on', async () => {
    using bed = new DoctorBed('', { edges: { isSynced: () => { throw new Error('no such clock') } } })
    expect(only(await bed.ill())).toEqual({ name: 'clock', verdict: 'unknown', what: 'this could not be looked at: no such clock', hint: null })
    expect((await bed.all()).map(({ name }) => name)).toContain('disk')
  })
})

describe('a gateway that nobody can ask', () => {
  test.each([
    ['ENOENT', true, 'fault', 'sudo systemctl start sandpiper'],
    ['ECONNREFUSED', false, 'warning', 'sudo systemctl start sandpiper'],
    ['EACCES', true, 'unknown', 'sudo sandpiper doctor'],
  ] as const)('%s, expected: %j', async (code, isExpected, verdict, hint) => {
    using bed = new DoctorBed('', { noGateway: noGateway('nobody', code, isExpected) })
    const finding = (await bed.all()).find(({ name }) => name === 'gateway')!
    expect(finding).toMatchObject({ verdict, what: 'nobody' })
    expect(finding.hint).toContain(hint)
  })
})

describe('the configuration', () => {
  const mistake = (line: number) => ({ code: 'E_CONFIG', line, message: `mistake ${line}`, hint: 'mend it' })

  test('mistakes are faults, the first three of them with their lines', async () => {
    using bed = new DoctorBed('', { file: { name: 'gateway.yaml', problems: [1, 2, 3, 4, 5].map(mistake), warnings: [] } })
    expect((await bed.ill()).map(({ verdict, what, hint }) => [verdict, what, hint])).toEqual([
      ['fault', 'gateway.yaml line 1: mistake 1', 'mend it'],
      ['fault', 'gateway.yaml line 2: mistake 2', 'mend it'],
      ['fault', 'gateway.yaml line 3: mistake 3', 'mend it'],
      ['fault', '2 more mistakes in gateway.yaml', '`sandpiper check gateway.yaml` shows all of them'],
    ])
  })

  test.each([
    [{ source: 'last-good', whole: true, trouble: null }, 'fault', /last good/],
    [{ source: 'default', whole: true, trouble: 'it does not start' }, 'fault', /safe default: it does not start/],
    [{ source: 'file', whole: false, trouble: null }, 'warning', /waits for a restart/],
  ] as const)('what the gateway runs on: %j', async (config, verdict, what) => {
    using bed = new DoctorBed('', { gateway: viewOfGateway({ config }) })
    const finding = only(await bed.ill())
    expect(finding).toMatchObject({ name: 'configuration', verdict })
    expect(finding.what).toMatch(what)
  })
})

describe('ports', () => {
  const listening = (host: string): Promise<Server> => new Promise((resolve) => void (function listen(server: Server) { server.listen(0, host, () => resolve(server)) })(createServer()))
  const portOf = (server: Server): number => (server.address() as { port: number }).port

  test('one that this very process has is taken, and by whom', async () => {
    const server = await listening('127.0.0.1')
    try {
      using bed = new DoctorBed(`broker: { listeners: [{ port: ${portOf(server)} }] }`, { root: '' })
      const finding = (await bed.all()).find(({ name }) => name === `port/${portOf(server)}`)!
      expect(finding).toMatchObject({ verdict: 'fault', hint: 'stop that program, or set another `port` under broker.listeners' })
      expect(finding.what).toMatch(new RegExp(`^port ${portOf(server)} is taken by .+ \\(process ${process.pid}\\)$`))
    } finally {
      server.close()
    }
  })

  test('the same when it is the gateway that has it: its own, also that of HTTP, which it does not tell', async () => {
    const server = await listening('::1')
    try {
      using bed = new DoctorBed(`broker: { listeners: [] }\nhttp: { listeners: [{ port: ${portOf(server)}, host: "::1" }] }`, { root: '', gateway: viewOfGateway({ pid: process.pid }) })
      expect((await bed.all()).find(({ name }) => name.startsWith('port/'))).toEqual({ name: `port/${portOf(server)}`, verdict: 'ok', what: `the gateway listens on ::1 port ${portOf(server)}`, hint: null })
    } finally {
      server.close()
    }
  })

  test('an address of another machine', async () => {
    using bed = new DoctorBed('broker: { listeners: [{ port: 1883, host: 192.168.7.9 }] }\naccess: { users: [{ name: a, password: b }] }')
    expect(only(await bed.ill())).toMatchObject({ name: 'port/1883', verdict: 'fault', what: '192.168.7.9 is no address of this machine, so nothing can listen there' })
  })

  test('the gateway runs and has not got its port', async () => {
    using bed = new DoctorBed('broker: { listeners: [{ port: 1883 }] }', { gateway: viewOfGateway({ listeners: [] }) })
    expect(only(await bed.ill())).toMatchObject({ name: 'port/1883', verdict: 'fault', what: 'the gateway runs and does not listen on 127.0.0.1 port 1883' })
    using told = new DoctorBed('broker: { listeners: [{ port: 1883 }] }', { gateway: viewOfGateway() })
    expect(await told.ill()).toEqual([])
  })

  test('somebody whose name is for root to see', async () => {
    // As the kernel writes it: 0100007F:075B is 127.0.0.1:1883, state 0A listens.
    const table = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\\n   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105        0 4242 1 0000000000000000 100 0 0 10 0'
    using bed = new DoctorBed('broker: { listeners: [{ port: 1883 }] }', { tree: `/proc/net/tcp: ${table}\n` })
    expect(only(await bed.ill()).what).toBe('port 1883 is taken by another program (as root, sandpiper doctor tells which one)')
    bed.tree.add('/proc/812/comm: mosquitto\n/proc/812/fd/6 -> socket:[4242]\n')
    expect(only(await bed.ill()).what).toBe('port 1883 is taken by mosquitto (process 812)')
  })

  test.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '0.0.0.0', true],
    ['127.0.0.1', '::', true],
    ['::', '127.0.0.1', true],
    ['0.0.0.0', '192.168.7.2', true],
    ['localhost', '127.0.0.1', true],
    ['0:0:0:0:0:0:0:1', '::1', true],
    ['127.0.0.1', '192.168.7.2', false],
    ['0.0.0.0', '::1', false],
    ['::1', '0.0.0.0', false],
  ])('%s and %s on one port: %j', (host, address, isOne) => {
    expect(overlaps(host, address)).toBe(isOne)
  })
})

describe('the clock', () => {
  test('before this release was made, nobody has set it', async () => {
    using bed = new DoctorBed('')
    bed.clock.wallOffsetMs = Date.UTC(2020, 0, 1)
    expect(only(await bed.ill())).toMatchObject({ name: 'clock', verdict: 'fault' })
  })

  test('a store that was written tomorrow', async () => {
    using bed = new DoctorBed('')
    mkdirSync(bed.tree.path('/store'))
    writeFileSync(bed.tree.path('/store/store.db'), '')
    utimesSync(bed.tree.path('/store/store.db'), bed.clock.wall() / 1000, bed.clock.wall() / 1000 + 86_400)
    const finding = only(await bed.ill())
    expect(finding).toMatchObject({ name: 'clock', verdict: 'fault' })
    expect(finding.what).toContain('store.db was written at 2026-11-22T')
  })

  test('nobody has confirmed it', async () => {
    using bed = new DoctorBed('', { edges: { isSynced: () => null } })
    expect(only(await bed.ill())).toMatchObject({ name: 'clock', verdict: 'warning' })
    using told = new DoctorBed('', { edges: { isSynced: () => null }, gateway: viewOfGateway({ timeSynced: true }) })
    expect(await told.ill()).toEqual([])
  })
})

describe('the disk', () => {
  const space = (more: object) => ({ edges: { space: () => Promise.resolve({ bytes: 8e9, freeBytes: 4e9, files: 1000, freeFiles: 500, ...more }) } })

  test.each([
    ['full', { freeBytes: 10e6 }, 'fault', 'full: 10 MB of 8000 MB free'],
    ['nearly full', { freeBytes: 90e6 }, 'warning', 'nearly full'],
    ['a twentieth left', { freeBytes: 0.3e9 }, 'warning', 'nearly full'],
    ['no room for files', { freeFiles: 1 }, 'fault', 'no room for more files'],
  ])('%s', async (_what, more, verdict, what) => {
    using bed = new DoctorBed('', space(more))
    const finding = only(await bed.ill())
    expect(finding).toMatchObject({ name: 'disk', verdict })
    expect(finding.what).toContain(what)
  })

  test('read-only, as the kernel makes it when the card has errors', async () => {
    using bed = new DoctorBed('')
    bed.tree.add(`/proc/self/mountinfo: 22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\\n23 22 179:3 / ${bed.tree.root} ro,noatime shared:2 - ext4 /dev/mmcblk0p3 ro\n`)
    expect(only(await bed.ill())).toMatchObject({ name: 'disk', verdict: 'fault', what: `${bed.tree.root} (ext4), where the store is, is read-only` })
  })

  test('the store may grow beyond it', async () => {
    using bed = new DoctorBed('', { ...space({ freeBytes: 0.5e9 }), gateway: viewOfGateway() })
    expect(only(await bed.ill()).what).toContain('and the store may grow by')
  })

  test('the gateway says that its store is full', async () => {
    using bed = new DoctorBed('', { gateway: viewOfGateway({ store: { bytes: 2e9, trouble: 'the store is full' } }) })
    expect(only(await bed.ill())).toMatchObject({ name: 'store', verdict: 'fault', what: 'the store is full' })
  })

  test('the mount of a path, on this very machine', () => {
    const text = readFileSync('/proc/self/mountinfo', 'utf8')
    expect(mountOf('/proc/self', text)).toMatchObject({ point: '/proc', kind: 'proc' })
    expect(mountOf('/a b/c', '1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /a\\040b ro - vfat /dev/b rw')).toEqual({ point: '/a b', kind: 'vfat', isReadOnly: true })
    expect(mountOf('/ab', '1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /a ro - vfat /dev/b rw')).toMatchObject({ point: '/' })
  })
})

describe('the card', () => {
  test.each([
    ['errors of a file system', '/sys/fs/ext4/mmcblk0p3/errors_count: 3', 'card/mmcblk0p3', 'fault', '3 errors'],
    ['an eMMC at its end', '/sys/block/mmcblk0/device/life_time: 0x02 0x0b\n/sys/block/mmcblk0/device/pre_eol_info: 0x01', 'card/mmcblk0', 'fault', 'worn out'],
    ['spare blocks nearly used up', '/sys/block/mmcblk0/device/pre_eol_info: 0x03', 'card/mmcblk0', 'fault', 'worn out'],
    ['an old eMMC', '/sys/block/mmcblk0/device/life_time: 0x09 0x02\n/sys/block/mmcblk0/device/pre_eol_info: 0x01', 'card/mmcblk0', 'warning', '80 to 90 %'],
    ['a disk with failed requests', '/sys/block/sda/device/ioerr_cnt: 0x2a', 'card/sda', 'fault', '42 requests'],
    ['messages of the kernel', '/dev/kmsg: 6,1,10,-;Linux version 7.2\\n3,2,20,-;blk_update_request: I/O error, dev mmcblk0, sector 123\\n SUBSYSTEM=block', 'card/kernel', 'fault', 'I/O error, dev mmcblk0, sector 123'],
    ['a file system that the kernel has made read-only', '/dev/kmsg: 2,7,30,-;EXT4-fs (mmcblk0p3): Remounting filesystem read-only', 'card/kernel', 'fault', '1 storage error since'],
  ])('%s', async (_what, tree, name, verdict, what) => {
    using bed = new DoctorBed('', { tree })
    const finding = only(await bed.ill())
    expect(finding).toMatchObject({ name, verdict })
    expect(finding.what).toContain(what)
  })

  test('what is no error of it: none counted, a young eMMC, what a disk is asked at the start, a CD without a disc', async () => {
    using bed = new DoctorBed('', { tree: '/sys/fs/ext4/mmcblk0p3/errors_count: 0\n/sys/fs/ext4/features/\n/sys/block/mmcblk0/device/life_time: 0x01 0x00\n/sys/block/sda/device/ioerr_cnt: 0x2\n/dev/kmsg: 3,2,20,-;I/O error, dev sr0, sector 0' })
    expect(await bed.ill()).toEqual([])
  })
})

describe('the supply', () => {
  const THROTTLED = '/sys/devices/platform/soc/soc:firmware/get_throttled'

  test.each([
    ['the voltage monitor', '/sys/class/hwmon/hwmon1/name: rpi_volt\n/sys/class/hwmon/hwmon1/in0_lcrit_alarm: 1', 'fault', 'too low now'],
    ['the firmware, now', `${THROTTLED}: 50005`, 'fault', 'too low now'],
    ['the firmware, since power-on', `${THROTTLED}: 50000`, 'warning', 'has been too low'],
    ['the firmware: too hot', `${THROTTLED}: 4`, 'warning', 'too hot'],
    ['messages of the kernel', '/dev/kmsg: 4,9,9,-;hwmon hwmon1: Undervoltage detected!\\n4,10,12,-;hwmon hwmon1: Voltage normalised', 'warning', '1 time'],
  ])('%s', async (_what, tree, verdict, what) => {
    using bed = new DoctorBed('', { tree })
    const finding = only(await bed.ill())
    expect(finding).toMatchObject({ name: 'power', verdict })
    expect(finding.what).toContain(what)
  })

  test('a good one is called so, one that nobody tells of is not known', async () => {
    using good = new DoctorBed('', { tree: `${THROTTLED}: 0` })
    expect((await good.all()).find(({ name }) => name === 'power')!.verdict).toBe('ok')
    using silent = new DoctorBed('')
    expect((await silent.all()).find(({ name }) => name === 'power')!.verdict).toBe('unknown')
  })
})
