import { describe, expect, test } from 'vitest'
import type { RouteConfig } from '../../../src/config/config.ts'
import { makeMessage } from '../../../src/message.ts'
import { addVia, hasVia } from '../../../src/uplink/loop.ts'
import { Routes } from '../../../src/uplink/routes.ts'
import { tenantTag } from '../../../src/config/routes.ts'
import { routeConfig } from '../../support/uplink-config.ts'

function route(from: string, to: string, more: Partial<RouteConfig> = {}): RouteConfig {
  return routeConfig({ from, to, retain: true, ...more })
}

describe('routes', () => {
  const routes = new Routes(
    [route('sensors/#', 'sites/x/sensors/#'), route('+/alarm', 'sites/x/+/alarm', { qos: 2, retain: false }), route('sensors/special', 'never'), route('back/#', 'back/#', { direction: 'in' })],
    'out',
  )

  test('the first that matches decides', () => {
    const to = (name: string) => routes.apply(makeMessage(name, 'x'), null, null)?.message.topic.name ?? null
    expect(to('sensors/a/b')).toBe('sites/x/sensors/a/b')
    expect(to('sensors/special')).toBe('sites/x/sensors/special')
    expect(to('tank/alarm')).toBe('sites/x/tank/alarm')
    expect(to('back/a')).toBeNull()
    expect(to('other')).toBeNull()
    expect(to('sensors/a/b')).toBe('sites/x/sensors/a/b') // remembered
  })

  test('QoS at most that of the route; RETAIN only where it is carried; the rest unaltered', () => {
    const origin = {}
    const properties = Buffer.from([1, 1])
    const message = makeMessage('tank/alarm', 'fire', { qos: 2, retain: true, properties, expiresAtMs: 77 })
    const out = routes.apply(message, null, origin)!.message
    expect([out.qos, out.retain, out.payload.toString(), out.expiresAtMs, out.origin]).toEqual([2, false, 'fire', 77, origin])
    expect(out.properties).toBe(properties)
    expect(routes.apply(makeMessage('sensors/a', 'x', { qos: 2, retain: true }), null, null)?.message).toMatchObject({ qos: 1, retain: true })
    expect(routes.apply(makeMessage('sensors/a', 'x', { qos: 0 }), null, null)!.message.qos).toBe(0)
    expect(message.topic.name).toBe('tank/alarm')
  })

  test('more topics than are remembered', () => {
    for (let i = 0; i < 10_050; i++) expect(routes.apply(makeMessage(`sensors/${i}`, ''), null, null)!.message.topic.name).toBe(`sites/x/sensors/${i}`)
  })
})

describe('the mark against circles', () => {
  test('is found again, beside other properties and other sites', () => {
    const message = makeMessage('t', 'x', { properties: Buffer.from([0x01, 0x01]), qos: 1, retain: true })
    const marked = addVia(addVia(message, 'well-07'), 'well-08')
    expect([hasVia(marked, 'well-07'), hasVia(marked, 'well-08'), hasVia(marked, 'well-09')]).toEqual([true, true, false])
    expect(hasVia(message, 'well-07')).toBe(false)
    expect(marked.properties!.subarray(0, 2)).toEqual(Buffer.from([0x01, 0x01]))
    expect([marked.qos, marked.retain, marked.payload.toString()]).toEqual([1, true, 'x'])
  })

  test('a site is not found in a longer name that begins with it, nor one with other letters', () => {
    const marked = addVia(makeMessage('t', 'x'), 'well-07')
    expect(hasVia(marked, 'well-0')).toBe(false)
    expect(hasVia(marked, 'ell-07')).toBe(false)
    expect(hasVia(addVia(makeMessage('t', 'x'), 'größe'), 'größe')).toBe(true)
  })

  test('a message without properties has no mark', () => {
    expect(hasVia(makeMessage('t', 'x'), 'well-07')).toBe(false)
  })
})

describe('tenants', () => {
  const routes = new Routes([route('t/#', 'own/t/#'), route('t/#', 'acme/t/#', { tenant: 'acme' }), route('x', 'globex/x', { tenant: 'globex' })], 'out')
  const to = (name: string, tenant: string) => routes.apply(makeMessage(name, 'x'), tenantTag(tenant), null)?.message.topic.name ?? null

  test('the same topic goes by the route of its tenant', () => {
    for (let i = 0; i < 2; i++) expect([to('t/1', ''), to('t/1', 'acme'), to('t/1', 'globex'), to('x', 'acme')]).toEqual(['own/t/1', 'acme/t/1', null, null])
  })

  test('tags are subscription identifiers: 0 for none, else 1 to 268,435,455, the same after every start', () => {
    expect(tenantTag('')).toBe(0)
    expect(tenantTag('acme')).toBe(2_988_347)
    for (const name of ['a', 'Z', 'x'.repeat(64), 'a.b-c_d']) {
      expect(tenantTag(name)).toBeGreaterThan(0)
      expect(tenantTag(name)).toBeLessThanOrEqual(268_435_455)
    }
  })
})
