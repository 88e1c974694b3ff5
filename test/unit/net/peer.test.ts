// An address has one text, whatever the socket calls it: limits count by it.
import { expect, test } from 'vitest'
import { plainAddress } from '../../../src/ip-address.ts'
import { Peer } from '../../../src/net/peer.ts'

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::ffff:c000:207', '::ffff:c000:207'],
  ['2001:db8::7', '2001:db8::7'],
  ['', ''],
])('%j is %j', (address, plain) => expect(plainAddress(address)).toBe(plain))

test.each([
  ['192.0.2.7', 40_000, '192.0.2.7:40000'],
  ['2001:db8::7', 40_000, '[2001:db8::7]:40000'],
  ['', 0, 'unix socket'],
])('%j, %i is logged as %s', (address, port, name) => expect(new Peer(address, port, 'tcp', 0).name).toBe(name))
