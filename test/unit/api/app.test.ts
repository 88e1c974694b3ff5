// How requests are carried out, whatever they ask.
import { duplexPair } from 'node:stream'
import { expect, test } from 'vitest'
import { App } from '../../../src/api/app.ts'
import type { Route } from '../../../src/api/route.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const REQUEST = 'GET /api/v1/turn HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'

test('requests that come at once are carried out in one turn of the loop each: messages pass between them', async () => {
  const state = { turn: 0, ticking: true }
  const tick = (): void => {
    state.turn++
    if (state.ticking) setImmediate(tick)
  }
  const turns: number[] = []
  const route: Route = { method: 'GET', path: '/turn', summary: 'Notes its turn', role: null, tag: 'status', answer: { type: 'integer' }, handle: () => turns.push(state.turn) }
  const app = await App.make({ clock: new FakeClock(), callers: null as never, routes: [route], requestsPerMinuteMax: 1000, page: () => Promise.reject(new Error('no page')), log: { error: () => {} } })
  tick()
  const answers = await Promise.all(Array.from({ length: 20 }, async () => {
    const [ours, theirs] = duplexPair()
    app.take(theirs, { kind: 'socket' }, '')
    ours.write(REQUEST)
    return Buffer.concat(await ours.toArray()).toString()
  }))
  state.ticking = false
  await app.stop()
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(new Set(turns).size).toBe(20)
})
