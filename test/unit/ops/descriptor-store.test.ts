// What systemd kept for us. That it keeps it, and that lines do not move, is seen under a real one: test/vm/gpio-gateway.test.ts.
import { expect, test } from 'vitest'
import { SystemdStore } from '../../../src/ops/descriptor-store.ts'

const SOCKET = { NOTIFY_SOCKET: '@nobody-listens-here' }
const log: { warn(fields: object, text: string): void } = { warn: () => {} }

test('there is none without systemd', () => {
  expect(SystemdStore.of({}, log)).toBeNull()
  expect(SystemdStore.of({ NOTIFY_SOCKET: '' }, log)).toBeNull()
})

test('what was kept is given once, by its name; what is not ours is left alone', () => {
  const store = SystemdStore.of({ ...SOCKET, LISTEN_PID: `${process.pid}`, LISTEN_FDS: '2', LISTEN_FDNAMES: 'ssh:gpio-rig-4' }, log)!
  expect([store.take('ssh'), store.take('rig-4'), store.take('rig-4')]).toEqual([null, 4, null])
})

test.each([
  ['another process', { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'gpio-a' }],
  ['more names than descriptors', { LISTEN_PID: `${process.pid}`, LISTEN_FDS: '0', LISTEN_FDNAMES: 'gpio-a' }],
  ['no names', { LISTEN_PID: `${process.pid}`, LISTEN_FDS: '1' }],
])('%s: nothing', (_, env) => expect(SystemdStore.of({ ...SOCKET, ...env }, log)!.take('a')).toBeNull())

test('a systemd that does not listen is told of once', () => {
  const said: string[] = []
  const store = SystemdStore.of(SOCKET, { warn: (_, text) => void said.push(text) })!
  store.keep('a', 1)
  store.keep('b', 1)
  expect(said).toEqual(['systemd does not take descriptors: outputs may change when Sandpiper restarts'])
})
