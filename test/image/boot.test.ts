// A flashed card in a PC, from power on to what a site does with it: clients, a sensor, an uplink over a bad line, the card in a laptop afterwards.
// One machine goes through all of it. `npm run test:image` runs it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MqttClients } from '../support/mqtt-clients.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { until } from '../support/until.ts'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'
import { configuration, HOST } from './scene.ts'

/** The smallest card that is promised. */
const CARD_BYTES = 2_000_000_000
const CLIENTS = 50
const USED_MB_MAX = 180
const IDLE_BYTES_PER_HOUR_MAX = 1_000_000
const IDLE_MS = 240_000
/** STATUS.txt is not written sooner after another time (src/card/write-plan.ts). */
const STATUS_APART_SEC = 61
const MEBIBYTE = 2 ** 20
/** Of an identity that a machine has: otherwise systemd makes one up at each start. */
const UUID = '7d1c5d50-9c5f-4a53-8f57-2f0a2b6c7e11'


describe.skipIf(!isLongRun)(`a gateway from the image${skipNote}`, { timeout: 2 * BOOT_MS_MAX }, () => {
  let machine: Machine
  let cloud: Mosquitto

  beforeAll(async () => {
    cloud = await Mosquitto.start()
    machine = await Machine.flash(await prepareImage('pc'), { model: 'pc', diskBytes: CARD_BYTES, args: ['-uuid', UUID] })
    const sections = [
      'sensors: [{ name: door, topic: door, gpio: { line: DOOR } }]',
      `uplinks: [{ name: cloud, url: "mqtt://${HOST}:${cloud.port}", clientId: roof, routes: [{ out: "well/#", as: "sites/roof/#", qos: 1 }] }]`,
    ]
    machine.card.write('gateway.yaml', configuration(machine.key, `${sections.join('\n')}\n`))
    await machine.start()
    if (!(await machine.answers())) throw new Error(`the broker did not come:\n${machine.serial.slice(-3000)}`)
    await machine.untilSsh()
  }, BUILD_MS_MAX + 2 * BOOT_MS_MAX)

  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]()
    await cloud?.[Symbol.asyncDispose]()
  })

  test('a client outside publishes, another one gets it', async () => {
    await using clients = new MqttClients()
    const got = await clients.listen(machine.url, 'hello/#', { connectTimeout: 60_000 })
    const publisher = await clients.connect(machine.url, { connectTimeout: 60_000 })
    await publisher.publishAsync('hello/roof', 'up', { qos: 1 })
    await until(() => got.some(({ topic, payload }) => topic === 'hello/roof' && payload === 'up'), 'the message', 60_000)
  })

  test('nothing failed, nothing stands in a circle', async () => {
    expect(await machine.sh('systemctl --failed --no-legend --plain')).toBe('')
    expect(await machine.sh('journalctl -b --no-pager --grep "ordering cycle" || true')).not.toContain('ordering cycle')
  })

  test('root and card are read-only, /var is not on the card, there is no swap', async () => {
    expect(await machine.sh('findmnt -n -o FSTYPE,OPTIONS /')).toMatch(/^squashfs +ro/)
    expect(await machine.sh('findmnt -n -o OPTIONS /boot/gateway')).toMatch(/^ro,.*noatime/)
    expect(await machine.sh('findmnt -n -o FSTYPE /var')).toBe('tmpfs')
    expect((await machine.sh('findmnt -n -o OPTIONS /data')).split(',')).toEqual(expect.arrayContaining(['rw', 'noatime', 'lazytime', 'data=ordered']))
    expect((await machine.ssh('touch /usr/x /etc/x /boot/gateway/x')).status).not.toBe(0)
    expect(await machine.sh('tail -n +2 /proc/swaps')).toBe('')
  })

  test('the data partition has taken the rest of the card', async () => {
    const [size, disk] = (await machine.sh('cat /sys/class/block/vda4/size /sys/class/block/vda/size')).split('\n').map(Number)
    const start = Number(await machine.sh('cat /sys/class/block/vda4/start'))
    expect(disk! - start - size!).toBeLessThan(2 * 2048)
    expect(Number(await machine.sh('stat -f -c "%b" /data')) * 4096).toBeGreaterThan((size! * 512) * 0.9)
  })

  test('nobody gets in without a key; the console tells the address, and asks for no name', async () => {
    expect(await machine.sh('sshd -T | grep -E "^(passwordauthentication|kbdinteractiveauthentication|permitrootlogin)"')).toBe('permitrootlogin without-password\npasswordauthentication no\nkbdinteractiveauthentication no')
    expect(await machine.sh('ps -e -o comm= | grep -c -E "getty|login$" || true')).toBe('0')
    expect(machine.serial).not.toMatch(/login:/)
    expect(machine.serial).toMatch(/sandpiper: roof is at 10\.0\.2\.15 on en/)
  })

  test('a sensor on a line of the machine is read, and what it says goes to the cloud', async () => {
    await using clients = new MqttClients()
    const got = await clients.listen(machine.url, 'door/#', { connectTimeout: 60_000 })
    const rig = '/sys/kernel/config/gpio-sim/rig'
    await machine.sh(`modprobe gpio-sim && mkdir -p ${rig}/bank0/line3 && echo 8 > ${rig}/bank0/num_lines && echo DOOR > ${rig}/bank0/line3/name && echo 1 > ${rig}/live`)
    const pull = `/sys/devices/platform/$(cat ${rig}/dev_name)/$(cat ${rig}/bank0/chip_name)/sim_gpio3/pull`
    // A line that was not there is looked for again after a while.
    await until(() => got.length > 0, 'the first reading', 180_000)
    await machine.sh(`echo pull-up > ${pull}`)
    await until(() => /1|true|high/.test(got.at(-1)!.payload), 'the line to be high', 60_000)
    await machine.sh(`echo pull-down > ${pull}`)
    await until(() => /0|false|low/.test(got.at(-1)!.payload), 'the line to be low', 60_000)
  })

  test('an uplink over a line that loses every fifth packet delivers everything', async () => {
    await using clients = new MqttClients()
    const arrived = await clients.listen(cloud.url, 'sites/roof/#')
    await machine.sh('tc qdisc add dev $(ip -o -4 route show default | sed -n "s/.* dev \\([^ ]*\\).*/\\1/p") root netem loss 20% delay 150ms')
    const publisher = await clients.connect(machine.url, { connectTimeout: 120_000 })
    for (let number = 0; number < 50; number++) await publisher.publishAsync('well/level', `${number}`, { qos: 1 })
    await until(() => new Set(arrived.map(({ payload }) => payload)).size === 50, 'all messages in the cloud', 300_000)
    await machine.sh('tc qdisc del dev $(ip -o -4 route show default | sed -n "s/.* dev \\([^ ]*\\).*/\\1/p") root')
  })

  test(`with ${CLIENTS} clients the whole system uses ${USED_MB_MAX} MB at most`, async () => {
    await using clients = new MqttClients()
    for (let number = 0; number < CLIENTS; number++) await clients.connect(machine.url, { connectTimeout: 120_000 })
    const used = await usedMb(machine)
    process.stderr.write(`with ${CLIENTS} clients: ${used.toFixed(0)} MB used\n`)
    expect(used).toBeLessThanOrEqual(USED_MB_MAX)
  })

  test('idle, it writes no more than 1 MB an hour', async () => {
    await machine.sh(`sleep ${STATUS_APART_SEC}; systemctl start sandpiper-log.service sandpiper-card.service; sync`) // what the tests before have caused
    const before = await writtenBytes(machine)
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    const perHour = ((await writtenBytes(machine)) - before) * (3_600_000 / IDLE_MS)
    process.stderr.write(`idle: ${(perHour / 1000).toFixed(0)} kB an hour\n`)
    expect(perHour).toBeLessThanOrEqual(IDLE_BYTES_PER_HOUR_MAX)
  })

  test('after a cut it is the same gateway: identity, host key, address; its file systems are whole', async () => {
    const who = async () => ({
      id: await machine.sh('cat /etc/machine-id'),
      hostKey: await machine.sh('cat /data/ssh/ssh_host_ed25519_key.pub'),
      address: await machine.sh('hostname -I | cut -d" " -f1'),
    })
    const first = await who()
    await machine.cut()
    expect(machine.card.list()).toContain('STATUS.txt')
    expect(machine.card.read('STATUS.txt')).toMatch(/roof/)
    await machine.start()
    await machine.untilSsh()
    expect(await who()).toEqual(first)
    expect(await machine.sh('systemctl --failed --no-legend --plain')).toBe('')
    expect(await machine.sh('journalctl -b -u "systemd-fsck@*" --no-pager')).not.toMatch(/UNEXPECTED|FAILED|errors? remain/i)
  })
})

/** What programs and the kernel hold: all memory but what is free or could be. */
async function usedMb(machine: Machine): Promise<number> {
  const [total, available] = (await machine.sh('sed -n "s/^Mem\\(Total\\|Available\\): *\\([0-9]*\\) kB/\\2/p" /proc/meminfo')).split('\n').map(Number)
  return ((total! - available!) * 1024) / MEBIBYTE
}

/** To the card, since the start. */
async function writtenBytes(machine: Machine): Promise<number> {
  return Number(await machine.sh("awk '{ print $7 * 512 }' /sys/class/block/vda/stat"))
}
