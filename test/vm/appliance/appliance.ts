// Runs inside the virtual machine: what the appliance's programs do to a card, to NetworkManager, to pppd's files and to a light. It judges nothing.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Led } from '../../../src/card/led.ts'
import { tryLock } from '../../../src/libc.ts'
import { addressOf } from '../../../src/uplink/dial/network.ts'
import { until } from '../../support/until.ts'
import { dialler, scene, sentence } from '../scenes.ts'

const MAIN = join(import.meta.dirname, '../../../src/main.ts')
const CARD = '/boot/gateway'
const FILE = `${CARD}/gateway.yaml`
const STATE = '/var/lib/sandpiper'

function run(command: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } })
  return status === 0 ? stdout.replace(/\n$/, '') : `${command} ended with ${status}: ${stdout}${stderr}`.trim()
}

const sandpiper = (...args: string[]): string => run(process.execPath, '--disable-warning=ExperimentalWarning', MAIN, ...args, '--card', CARD, '--state', STATE)
const mountOptions = (): string => readFileSync('/proc/mounts', 'utf8').split('\n').find((line) => line.includes(` ${CARD} `))!.split(' ')[3]!.split(',')[0]!
const sectorsWritten = (): number => Number(readFileSync('/sys/block/loop0/stat', 'utf8').trim().split(/\s+/)[6])

/** As a person would with the card in a laptop. */
function edit(text: string): void {
  execFileSync('mount', ['-o', 'remount,rw', CARD])
  writeFileSync(FILE, text)
  execFileSync('mount', ['-o', 'remount,ro', CARD])
}

const config = (address: string): string => `site: Pump_7
access: { users: [{ name: device, password: "open sesame" }] }   # ours
broker: { listeners: [{ port: 1883 }] }
network:
  country: DE
  ethernet: [{ interface: eth7, address: ${address}, gateway: 10.7.0.1 }]
  wifi: [{ ssid: "a;b", password: " x\\\\y;#= p " }, { ssid: "1;2;", password: "12345678" }]
  modems: [{ name: lte, apn: internet, pin: "0123", password: " p;\\\\ " }]
  dialup: [{ name: sat, device: /dev/modem, baud: 9600, flowControl: none, number: "0", init: [AT], user: "o'b \\"x\\\\ é", password: "p w\\\\'\\"#" }]
`

function hostname(): string {
  return readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()
}

async function card(): Promise<void> {
  const gateway = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'run', '--config', FILE, '--state', STATE, '--last-good', '--or-default'], { env: { ...process.env, RUNTIME_DIRECTORY: '/run/sandpiper' }, stdio: 'ignore' })
  await until(() => existsSync('/run/sandpiper/status.json'), 'the gateway', 60_000)
  const before = sectorsWritten()
  const said = sandpiper('card')
  const text = readFileSync(FILE, 'utf8').replace(/g[0-9a-f]{20}/, 'F')
  scene('secrets and status', { said, mounted: mountOptions(), files: readdirSync(CARD).toSorted(), line: text.split('\n')[1], status: readFileSync(`${CARD}/STATUS.txt`, 'utf8'), kilobytes: Math.ceil((sectorsWritten() - before) / 2) })
  const idle = sectorsWritten()
  scene('nothing new', { said: sandpiper('card'), sectors: sectorsWritten() - idle, mounted: mountOptions() })

  // Somebody else holds the card: the look waits.
  const lock = openSync('/run/sandpiper-card.lock', 'a')
  const isHeld = tryLock(lock)
  writeFileSync('/run/sandpiper-card/looks.json', '{"writes":{"atMs":[],"substance":""},"complaint":null}')
  const waiting = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'card', '--card', CARD, '--state', STATE], { stdio: 'ignore' })
  const ended = new Promise((resolve) => waiting.once('close', resolve))
  await setTimeout(20_000)
  const facts = { isHeld, waits: waiting.exitCode === null, meanwhile: mountOptions() }
  closeSync(lock)
  scene('the card is in use', { ...facts, exit: await ended, mounted: mountOptions() })

  // A card without room.
  execFileSync('mount', ['-o', 'remount,rw', CARD])
  const { bavail, bsize } = statfsSync(CARD)
  writeFileSync(`${CARD}/fill`, Buffer.alloc(bavail * bsize))
  execFileSync('mount', ['-o', 'remount,ro', CARD])
  writeFileSync('/run/sandpiper-card/looks.json', '{"writes":{"atMs":[],"substance":""},"complaint":null}')
  const kept = readFileSync(FILE, 'utf8')
  const full = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'card', '--card', CARD, '--state', STATE], { encoding: 'utf8' })
  scene('a full card', { said: full.stderr.trim(), isSame: readFileSync(FILE, 'utf8') === kept, mounted: mountOptions() })
  execFileSync('mount', ['-o', 'remount,rw', CARD])
  execFileSync('rm', [`${CARD}/fill`])
  execFileSync('mount', ['-o', 'remount,ro', CARD])

  // A file that a power cut has left without its name.
  const aside = `gateway.yaml.${run('sha256sum', FILE).slice(0, 8)}.new`
  execFileSync('mount', ['-o', 'remount,rw', CARD])
  execFileSync('mv', [FILE, join(CARD, aside)])
  execFileSync('mount', ['-o', 'remount,ro', CARD])
  scene('a file without its name', { said: sandpiper('apply'), files: readdirSync(CARD).filter((name) => name.startsWith('gateway')), mounted: mountOptions() })
  gateway.kill('SIGKILL')
  execFileSync('umount', [CARD])
  scene('the file system', { check: run('fsck.vfat', '-n', '/dev/loop0').split('\n').filter((line) => !/^fsck|files,|^$/.test(line)) })
  execFileSync('mount', ['-t', 'vfat', '-o', 'ro,flush,utf8', '/dev/loop0', CARD])
}

async function network(): Promise<void> {
  scene('applied', { said: sandpiper('apply'), hostname: hostname(), modes: readdirSync('/run/NetworkManager/system-connections').length })
  spawnSync('NetworkManager')
  run('nm-online', '-s', '-q', '-t', '20')
  await until(() => addressOf('eth7') === '10.7.0.2', 'the address', 30_000)
  const of = (field: string, name: string): string => run('nmcli', '-s', '-e', 'no', '-g', field, 'connection', 'show', 'id', name)
  await until(() => of('gsm.pin', 'lte') !== '', 'the secrets, which nmcli asks NetworkManager for', 30_000)
  scene('NetworkManager', {
    names: run('nmcli', '-g', 'NAME', 'connection', 'show').split('\n').filter((name) => name !== 'lo').toSorted(),
    ssid: of('802-11-wireless.ssid', 'wifi a;b'),
    psk: of('802-11-wireless-security.psk', 'wifi a;b'),
    otherSsid: of('802-11-wireless.ssid', 'wifi 1;2;'),
    pin: of('gsm.pin', 'lte'),
    password: of('gsm.password', 'lte'),
    route: run('ip', 'route', 'show', 'default'),
  })
  edit(config('10.7.0.3/24'))
  const said = sandpiper('apply')
  await until(() => addressOf('eth7') === '10.7.0.3', 'the new address', 30_000)
  scene('another address', { said })
}

async function dialup(): Promise<void> {
  scene('options', { said: run('pppd', 'call', 'sat', 'dryrun', 'dump', 'show-password').split('\n').filter((line) => line.startsWith('user')).map((line) => line.replace(/\s*#.*from.*$/, '').replace(/^(\w+)\s+/, '$1 ')) })
  const of = dialler({ kind: 'pppd', peer: 'sat', timeoutMs: 60_000, attemptBytesMax: Infinity })
  const said = await sentence(of.dial())
  scene('dialled', { said, address: addressOf('ppp0') })
  await of.hangUp()
}

function light(): void {
  const leds = readdirSync('/sys/class/leds').filter((name) => name.includes('capslock'))
  mkdirSync('/tmp/board/sys/class/leds', { recursive: true })
  symlinkSync(`/sys/class/leds/${leds[0]}`, '/tmp/board/sys/class/leds/ACT')
  const read = (name: string): string => readFileSync(`/tmp/board/sys/class/leds/ACT/${name}`, 'utf8').trim()
  const shown = new Led('/tmp/board').show('last-good')
  scene('light', { shown, trigger: /\[(.*)\]/.exec(read('trigger'))?.[1], pattern: read('pattern'), again: new Led('/tmp/board').show('good'), other: read('pattern') })
}

edit(config('10.7.0.2/24'))
await network()
await card()
await dialup()
light()
