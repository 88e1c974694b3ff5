// A plan is carried out: once, whole as far as it goes, and those who read the files are told when they run already.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { type ApplyResult, apply, applyResult } from '../../../src/appliance/apply.ts'
import { chooseConfig } from '../../../src/config/choose.ts'
import { rememberLastGood } from '../../../src/config/last-good.ts'
import { checkText } from '../../../src/config/load.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeMachine } from '../../support/fake-machine.ts'

let folder = ''
const folders: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-apply-'))
  folders.push(folder)
})
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true })
})

function applied(text: string, machine: FakeMachine): Promise<ApplyResult> {
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, text)
  const choices = chooseConfig(file, { state: folder, lastGood: true, orDefault: true, detectedBoard: null, moment: null })
  const check = (of: string) => {
    const result = checkText(of, file, { state: folder, secrets: 'optional' })
    return 'problems' in result ? null : result.config
  }
  return apply({ file, choices, machine, clock: new FakeClock(), check })
}

const WIFI = (password: string): string => `site: s\nnetwork: { wifi: [{ ssid: a, password: ${password} }] }\n`

test('at the start nobody is told; done again, nothing is written', async () => {
  const machine = new FakeMachine()
  expect(await applied(WIFI('12345678a'), machine)).toMatchObject({ source: 'file', failures: [], problems: [] })
  expect(machine.ran).toEqual([])
  expect(machine.read('/proc/sys/kernel/hostname')).toBe('s')
  const kept = new Map(machine.files)
  await applied(WIFI('12345678a'), machine)
  expect(machine.ran).toEqual([])
  kept.delete('/run/sandpiper-apply/result.json')
  for (const [path, file] of kept) if (!path.startsWith('/run/sandpiper-apply/applied')) expect(machine.files.get(path), path).toBe(file)
})

test('a password that has changed: NetworkManager reads its files, and brings that connection up', async () => {
  const machine = new FakeMachine()
  await applied(WIFI('12345678a'), machine)
  await applied(WIFI('12345678b'), machine)
  expect(machine.ran).toEqual(['nmcli connection reload', expect.stringMatching(/^nmcli --wait 0 connection up uuid [0-9a-f-]{36}$/)])
})

test('a modem that a link dials is left to the link', async () => {
  const machine = new FakeMachine()
  const modem = (pin: string): string => `site: s\nuplinks: [{ name: u, url: mqtt://h, routes: [{ out: a }], dial: { modem: m } }]\nnetwork: { modems: [{ name: m, pin: "${pin}" }] }\n`
  await applied(modem('0000'), machine)
  await applied(modem('0001'), machine)
  expect(machine.ran).toEqual(['nmcli connection reload'])
})

test('what is gone from the file goes from the machine', async () => {
  const machine = new FakeMachine()
  machine.write('/run/NetworkManager/system-connections/mine.nmconnection', 'x', 0o600)
  await applied('site: s\nnetwork: { wifi: [{ ssid: a }], dialup: [{ name: d, device: /dev/x, number: "1" }] }', machine)
  await applied('site: s\n', machine)
  expect(machine.list('/run/NetworkManager/system-connections')).toHaveLength(2) // the cable's, and somebody else's
  expect(machine.list('/run/sandpiper-apply/peers')).toEqual([])
})

test.each([
  ['servers', 'time: { servers: [10.0.0.1] }', ['systemctl --no-block try-restart chrony.service']],
  ['keys', 'ssh: { keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAFdW9vkGJWY3kpYLBHqHOmdBC8gfBu2SCKyRvAvXRW8] }', ['systemctl --no-block start ssh.service']],
  ['a name', 'hostname: other', []],
  ['a listener', 'broker: { listeners: [{ port: 1884 }] }', ['systemctl --no-block try-restart sandpiper.service']],
  ['who may connect, which the gateway reads itself', 'access: { users: [{ name: a, password: b }] }', []],
  ['a country', 'network: { country: DE }', ['iw reg set DE']],
  ['mDNS, which the gateway has nothing to do with', 'discovery: { mdns: on }', ['systemctl --no-block restart avahi-daemon.service']],
  ['a listener for the network', 'broker: { listeners: [{ port: 1883, host: "::", anonymous: true }] }', ['systemctl --no-block restart avahi-daemon.service', 'systemctl --no-block try-restart sandpiper.service']],
])('while the machine runs: %s', async (_, section, ran) => {
  const machine = new FakeMachine()
  await applied('site: s\n', machine)
  await applied(`site: s\n${section}\n`, machine)
  expect(machine.ran).toEqual(ran)
})

test('nothing listens for the network any more: Avahi has no file to start with', async () => {
  const machine = new FakeMachine()
  const listener = (host: string): string => `site: s\nbroker: { listeners: [{ port: 1883, host: "${host}", anonymous: true }] }\n`
  await applied(listener('::'), machine)
  expect([...machine.files.keys()].filter((path) => path.includes('avahi'))).toHaveLength(2)
  await applied(listener('::1'), machine)
  expect([...machine.files.keys()].filter((path) => path.includes('avahi'))).toEqual([])
  expect(machine.ran).toContain('systemctl --no-block restart avahi-daemon.service')
})

test('a mistake: the last good one is applied, and the result says where and why', async () => {
  const machine = new FakeMachine()
  rememberLastGood(folder, 'site: before\nhostname: known\n')
  const result = await applied('site: s\nhostnme: x\n', machine)
  expect(result).toMatchObject({ source: 'last-good', problems: [{ line: 2, column: 1, message: 'unknown key `hostnme`' }] })
  expect(result.digest).not.toBe(result.fileDigest)
  expect(machine.read('/proc/sys/kernel/hostname')).toBe('known')
  expect(applyResult(machine)).toEqual(result)
})

test('what cannot be done is told, and the rest is done', async () => {
  const machine = new FakeMachine()
  machine.broken.add('/run/sandpiper-apply/chrony/gateway.conf')
  machine.answers.set('iw', { ok: false, output: 'iw: not found' })
  const result = await applied('site: s\nnetwork: { country: DE }\n', machine)
  expect(result.failures).toEqual(['/run/sandpiper-apply/chrony/gateway.conf was not written: ENOSPC: no space left on device', 'the radio was not told that this is DE: iw: not found'])
  expect(machine.read('/run/sandpiper-apply/hostname')).toBe('s\n')
})
