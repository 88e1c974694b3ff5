// Runs inside the virtual machine: dials with the real pppd in every situation that a site has, and prints what came of each as a line
// `scene {…}`. It judges nothing.
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { addressOf } from '../../../src/uplink/dial/network.ts'
import type { Dialler } from '../../../src/uplink/dial/dial.ts'
import { until } from '../../support/until.ts'
import { dialler, pppdRunning, scene, sentence } from '../scenes.ts'

const PEERS = '/etc/ppp/peers'
const USER = 1000
const DIP = 30

function pppd(peer = 'sat', timeoutMs = 60_000): Dialler {
  return dialler({ kind: 'pppd', peer, timeoutMs, attemptBytesMax: Infinity })
}

async function reaches(host: string): Promise<boolean> {
  const socket = connect(1883, host)
  await once(socket, 'connect')
  socket.destroy()
  return true
}

const farOptions = (what: string): void => writeFileSync('/tmp/far.options', what)

async function upAndDown(name: string, of = pppd()): Promise<void> {
  const began = performance.now()
  const answer = await of.dial().catch((error: unknown) => ({ failed: (error as Error).message, interface: null }))
  const dialledMs = Math.round(performance.now() - began)
  const device = answer.interface
  const facts = { answer, address: device === null ? null : addressOf(device), reached: device !== null && (await reaches('10.64.0.1')) }
  const hangUpBegan = performance.now()
  await of.hangUp()
  scene(name, { ...facts, running: pppdRunning(), interfaceAfter: device !== null && existsSync(`/sys/class/net/${device}`), dialledMs, hungUpMs: Math.round(performance.now() - hangUpBegan) })
}

async function failing(name: string, of = pppd()): Promise<void> {
  const began = performance.now()
  const said = await sentence(of.dial())
  scene(name, { said, running: pppdRunning(), ms: Math.round(performance.now() - began) })
}

async function lost(name: string, breakIt: () => void): Promise<void> {
  const of = pppd()
  const losses: string[] = []
  of.onLost((why) => void losses.push(why))
  await of.dial()
  breakIt()
  await until(() => losses.length > 0, 'the loss', 60_000)
  await of.hangUp()
  scene(name, { losses, running: pppdRunning() })
}

async function asRoot(): Promise<void> {
  const peer = readFileSync(`${PEERS}/sat`, 'utf8')
  await until(() => existsSync('/dev/modem'), 'the cable', 60_000)
  const same = pppd()
  await upAndDown('up and down', same)
  await upAndDown('again', same)

  await lost('the modem hangs up', () => execFileSync('killall', ['-9', 'socat']))
  await until(() => existsSync('/dev/modem'), 'the cable to be back', 60_000)
  await lost('the peer falls silent', () => execFileSync('pkill', ['-STOP', '-f', 'pppd /dev/line']))
  execFileSync('pkill', ['-KILL', '-f', 'pppd /dev/line'])

  writeFileSync(`${PEERS}/busy`, peer.replace('ATD0', 'ATD1'))
  await failing('busy', pppd('busy'))
  writeFileSync(`${PEERS}/silent`, `${peer.replace('ATD0', 'ATD2')}lcp-max-configure 2\n`)
  await failing('nobody answers', pppd('silent'))
  writeFileSync(`${PEERS}/deaf`, peer.replace('ATD0', 'ATD3'))
  await failing('time is over', pppd('deaf', 2000))
  const hungUp = pppd('deaf')
  const said = sentence(hungUp.dial())
  await until(() => pppdRunning() > 1, 'chat to run', 60_000)
  await hungUp.hangUp()
  scene('hung up while it dials', { said: await said, running: pppdRunning() })

  // Both ends read the same file: which secret the near end takes is said by the name that it believes to talk to.
  farOptions('require-chap name far')
  writeFileSync('/etc/ppp/chap-secrets', 'site far right *\nsite other wrong *\n', { mode: 0o600 })
  await upAndDown('with a password')
  writeFileSync(`${PEERS}/wrong`, `${peer}remotename other\n`)
  await failing('with a wrong password', pppd('wrong'))
  farOptions('noauth')

  writeFileSync(`${PEERS}/stubborn`, `${peer}updetach\npersist\nlogfile /tmp/elsewhere\n`)
  await upAndDown('a peer that wants to go its own way', pppd('stubborn'))
  await failing('no such peer', pppd('nothing'))
  writeFileSync(`${PEERS}/unplugged`, peer.replace('/dev/modem', '/dev/ttyUSB7'))
  await failing('no such port', pppd('unplugged'))
  writeFileSync(`${PEERS}/mistaken`, `${peer}frobnicate\n`)
  await failing('a mistake in the peer', pppd('mistaken'))

  for (const [who, gid] of [['a user', USER], ['a user of the group dip', DIP]] as const) {
    const child = spawnSync(process.execPath, [import.meta.filename, who], { uid: USER, gid, encoding: 'utf8', timeout: 60_000 })
    process.stdout.write(child.stdout)
    process.stderr.write(child.stderr)
  }
  renameSync('/usr/sbin/pppd', '/usr/sbin/pppd.away')
  await failing('no pppd')
}

const user = process.argv[2]
await (user === undefined ? asRoot() : user === 'a user' ? failing(user) : upAndDown(user))
