// The watchdog is fed by proof of progress: what the real socket hears is in test/system/start.test.ts.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Systemd } from '../../../src/ops/systemd.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { endWithUs } from '../../support/orphans.ts'
import { until } from '../../support/until.ts'

let folder: string
let listener: ReturnType<typeof spawn>
let text = ''

const heard = (line: string): number => text.split('\n').filter((l) => l.includes(`"${line}"`)).length

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-systemd-'))
  text = ''
  const script = join(import.meta.dirname, '../../support/notify-socket.py')
  const child = endWithUs(spawn('/usr/bin/python3', [script, join(folder, 'notify')], { stdio: ['ignore', 'pipe', 'inherit'] }))
  child.stdout.setEncoding('utf8').on('data', (t: string) => (text += t))
  listener = child
  await until(() => text.includes('listening'), 'the socket')
})

afterEach(async () => {
  listener.kill()
  await rm(folder, { recursive: true, force: true })
})

test('a gateway whose flash does not answer is not alive, and says so once; when it answers it is again', async () => {
  const clock = new FakeClock()
  const warnings: string[] = []
  const systemd = new Systemd(clock, { warn: (_, said) => void warnings.push(said) }, { NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC: '60000000' })
  let answers = true
  const asked: number[] = []
  systemd.ready('site test', (withinMs) => {
    asked.push(withinMs)
    return answers
  })
  clock.advance(20_000)
  await until(() => heard('WATCHDOG=1') === 1, 'a sign of life')
  answers = false
  clock.advance(60_000)
  answers = true
  clock.advance(20_000)
  await until(() => heard('WATCHDOG=1') === 2, 'a sign of life after the pause, and none in it')
  expect(asked).toEqual([30_000, 30_000, 30_000, 30_000, 30_000])
  expect(warnings.filter((said) => said.includes('flash has not answered'))).toHaveLength(1)
  systemd.stopping()
  clock.advance(60_000)
  await until(() => heard('STOPPING=1') === 1, 'the end')
  expect(heard('WATCHDOG=1')).toBe(2)
})

test('nobody is told where nobody listens, or where the watchdog is another process’s', async () => {
  const clock = new FakeClock()
  const log = { warn: (_: object, said: string) => expect.unreachable(said) }
  new Systemd(clock, log, {}).ready('', () => expect.unreachable('there is no watchdog'))
  const systemd = new Systemd(clock, log, { NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC: '60000000', WATCHDOG_PID: '1' })
  systemd.stopping()
  clock.advance(60_000)
  await until(() => heard('STOPPING=1') === 1, 'the end')
  expect(heard('WATCHDOG=1')).toBe(0)
})
