// The satellites' time reaches a real chronyd by its reference clock SOCK. It may not set this machine's clock (-x): what it would do is read from it.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chronyConf } from '../../src/appliance/chrony.ts'
import { CHRONY_SOCKET, ChronySocket } from '../../src/chrony-socket.ts'
import { systemClock } from '../../src/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { endWithUs } from '../support/orphans.ts'
import { until } from '../support/until.ts'

const chronyd = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'].map((folder) => join(folder, 'chronyd')).find(isExecutable)

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const AHEAD_MS = 5000

test.skipIf(chronyd === undefined)(`chronyd finds the clock wrong by as much as satellites say${chronyd === undefined ? ' (skipped: there is no chronyd here)' : ''}`, { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sandpiper-chrony-'))
  const socket = join(folder, 'gps.sock')
  const sources = chronyConf({ servers: [], gpsSensor: 'gnss', gpsDelaySec: 0.15, step: 'start' }).replace(CHRONY_SOCKET, socket).replace('poll 4', 'poll 0')
  await writeFile(join(folder, 'conf'), `${sources}port 0\ncmdport 0\nbindcmdaddress /\npidfile ${folder}/pid\n`)
  const child = endWithUs(spawn(chronyd!, ['-x', '-U', '-u', userInfo().username, '-d', '-f', join(folder, 'conf')], { stdio: ['ignore', 'pipe', 'pipe'] }))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  try {
    await until(() => existsSync(socket), `chronyd's socket: ${said}`, 10_000)
    const warnings: string[] = []
    const gps = new ChronySocket(systemClock, { warn: (_, text) => void warnings.push(text) }, socket)
    await until(() => {
      gps.tell(systemClock.wall() + AHEAD_MS, systemClock.now())
      return said.includes('System clock wrong by')
    }, `chronyd to believe it: ${said}`, 40_000)
    expect(said).toContain('Selected source GPS')
    expect(Number(/System clock wrong by ([-\d.]+) seconds/.exec(said)![1])).toBeCloseTo(AHEAD_MS / 1000 + 0.15, 1)
    expect(warnings).toEqual([])
  } finally {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
})

test('where nobody listens it is said once, and not tried again for a minute', async () => {
  const clock = new FakeClock()
  const warnings: string[] = []
  const folder = await mkdtemp(join(tmpdir(), 'sandpiper-chrony-'))
  const gps = new ChronySocket(clock, { warn: (_, text) => void warnings.push(text) }, join(folder, 'none'))
  for (let sec = 0; sec < 180; sec++) {
    gps.tell(clock.wall(), clock.now())
    clock.advance(1000)
  }
  expect(warnings).toHaveLength(1)
  expect(await readFile(join(folder, 'none')).catch(() => null)).toBeNull()
  await rm(folder, { recursive: true })
})
