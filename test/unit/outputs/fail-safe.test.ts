import { describe, expect, test } from 'vitest'
import { FailSafe } from '../../../src/outputs/fail-safe.ts'

const CLIENT = { on: false, clientGoneMs: 30_000, uplinkGone: null }
const UPLINK = { on: false, clientGoneMs: Infinity, uplinkGone: { name: 'cloud', afterMs: 60_000 } }
const client = {}
const here = () => true
const away = () => false

describe('the client', () => {
  test('has to be away for so long', () => {
    const failSafe = new FailSafe(CLIENT, 0)
    failSafe.commanded(client)
    expect(failSafe.check(100_000, here, here)).toBeNull()
    expect(failSafe.check(101_000, away, here)).toBeNull()
    expect(failSafe.check(130_999, away, here)).toBeNull()
    expect(failSafe.check(131_000, away, here)).toBe('the client that commanded it has gone')
    expect(failSafe.check(140_000, away, here), 'as long as it is away').not.toBeNull()
    expect(failSafe.check(141_000, here, here)).toBeNull()
  })

  test('that comes back in time begins anew', () => {
    const failSafe = new FailSafe(CLIENT, 0)
    failSafe.commanded(client)
    failSafe.check(1000, away, here)
    failSafe.check(20_000, here, here)
    failSafe.check(21_000, away, here)
    expect(failSafe.check(50_999, away, here)).toBeNull()
    expect(failSafe.check(51_000, away, here)).not.toBeNull()
  })

  test('nobody since the start is gone', () => {
    const failSafe = new FailSafe(CLIENT, 1000)
    expect(failSafe.check(30_999, here, here)).toBeNull()
    expect(failSafe.check(31_000, here, here)).toBe('nobody has commanded it since the start')
  })

  test('the gateway itself is there', () => {
    const failSafe = new FailSafe(CLIENT, 0)
    failSafe.commanded(null)
    expect(failSafe.check(1e9, away, here)).toBeNull()
  })

  test('another one that commands has it in hand', () => {
    const failSafe = new FailSafe(CLIENT, 0)
    failSafe.commanded(client)
    failSafe.check(1000, away, here)
    failSafe.commanded({})
    expect(failSafe.check(40_000, here, here)).toBeNull()
  })
})

describe('the uplink', () => {
  test('is told once for each time that it is down for so long', () => {
    const failSafe = new FailSafe(UPLINK, 0)
    expect(failSafe.check(0, here, away)).toBeNull()
    expect(failSafe.check(60_000, here, away)).toBe('the uplink cloud is down')
    expect(failSafe.check(61_000, here, away), 'who commands it on the spot is not overruled').toBeNull()
    expect(failSafe.check(70_000, here, here)).toBeNull()
    failSafe.check(71_000, here, away)
    expect(failSafe.check(131_000, here, away)).toBe('the uplink cloud is down')
  })
})
