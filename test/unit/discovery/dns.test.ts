// The DNS codec: what it writes it reads, what others write compressed it reads too, and hostile bytes are no message.
import { describe, expect, test } from 'vitest'
import { decode, type DnsMessage, type DnsRecord, encode, keyOf, nameData, nsecData, srvData, txtData, Type } from '../../../src/discovery/dns.ts'

const EMPTY: DnsMessage = { id: 0, isResponse: false, isTruncated: false, questions: [], answers: [], authorities: [], additionals: [] }
const NAME = ['plant.7', '_mqtt', '_tcp', 'local']
const record = (name: readonly string[], type: number, data: Buffer): DnsRecord => ({ name, type, flush: true, ttlSec: 120, data })

const FULL: DnsMessage = {
  ...EMPTY,
  isResponse: true,
  questions: [{ name: NAME, type: Type.ANY, byUnicast: true }],
  answers: [{ ...record(['_mqtt', '_tcp', 'local'], Type.PTR, nameData(NAME)), flush: false, ttlSec: 4500 }],
  authorities: [record(NAME, Type.SRV, srvData(1883, ['well-07', 'local']))],
  additionals: [record(NAME, Type.TXT, txtData(['version=1', 'site=Ä'])), record(['well-07', 'local'], Type.NSEC, nsecData(['well-07', 'local'], [Type.A, Type.AAAA]))],
}

test('what is written is read, a label with a dot in it too', () => expect(decode(encode(FULL))).toEqual(FULL))

test('a header’s flags are those of RFC 6762 section 18', () => {
  expect(encode(FULL).subarray(0, 4).toString('hex')).toBe('00008400')
  expect(encode({ ...EMPTY, id: 7, isTruncated: true }).subarray(0, 4).toString('hex')).toBe('00070200')
})

test('a name that was there before is a pointer to it', () => {
  const bytes = encode(FULL)
  expect(bytes.indexOf('plant.7')).toBeGreaterThan(0)
  expect([...bytes.toString('latin1').matchAll(/_tcp/g)]).toHaveLength(2) // in the question, and in the data of PTR
})

test('compressed names in data are read whole: PTR and SRV as Bonjour sends them', () => {
  const head = Buffer.from('000084000000000200000000', 'hex')
  const name = nameData(['_http', '_tcp', 'local']) // at 12
  const ptr = Buffer.concat([name, Buffer.from('000c0001000000780004', 'hex'), Buffer.from('0161c00c', 'hex')]) // a.<12>
  const srv = Buffer.concat([Buffer.from('c00c', 'hex'), Buffer.from('00218001000000780009', 'hex'), Buffer.from('000000000050', 'hex'), Buffer.from('00c0', 'hex')])
  expect(decode(Buffer.concat([head, ptr, srv]))).toBeNull() // its name ends before its data does
  const right = Buffer.concat([Buffer.from('c00c', 'hex'), Buffer.from('00218001000000780008', 'hex'), Buffer.from('000000000050', 'hex'), Buffer.from('c017', 'hex')])
  const read = decode(Buffer.concat([head, ptr, right]))!
  expect(read.answers[0]!.data).toEqual(nameData(['a', '_http', '_tcp', 'local']))
  expect(read.answers[1]!.data).toEqual(srvData(80, ['local']))
})

test('records of other classes are left out, the rest is read', () => {
  const bytes = encode({ ...EMPTY, isResponse: true, answers: [record(['a'], Type.A, Buffer.from([1, 2, 3, 4])), record(['b'], Type.A, Buffer.from([1, 2, 3, 4]))] })
  bytes.writeUInt16BE(0x8003, 12 + 3 + 2) // CHAOS
  expect(decode(bytes)!.answers.map(({ name }) => name)).toEqual([['b']])
})

describe('no message', () => {
  const bytes = encode(FULL)

  test('cut anywhere', () => {
    for (let length = 0; length < bytes.length; length++) expect(decode(bytes.subarray(0, length)), `${length}`).toBeNull()
  })

  test.each([
    ['another opcode', '000028000000000000000000'],
    ['an error', '000084030000000000000000'],
    ['a name that points to itself', '000000000001000000000000c00c00010001'],
    ['two names that point to each other', '000000000002000000000000c01200010001c00c00010001'],
    ['a name that points forwards', '000000000001000000000000c01100010001016100'],
    ['a label of a kind that nobody knows', '0000000000010000000000008161000000010001'],
    ['more records than there are', '00008400ffffffffffffffff'],
  ])('%s', (_, hex) => expect(decode(Buffer.from(hex, 'hex'))).toBeNull())

  test('a name of more than 255 bytes', () => {
    const long = Buffer.concat([...Array.from({ length: 5 }, () => Buffer.from([60, ...Buffer.alloc(60, 'a')])), Buffer.from([0])])
    expect(decode(Buffer.concat([Buffer.from('000000000001000000000000', 'hex'), long, Buffer.from('00010001', 'hex')]))).toBeNull()
  })

  test('any byte changed to any of some: read or refused, never thrown', () => {
    let refused = 0
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x3f, 0x40, 0x7f, 0xc0, 0xff]) {
        const changed = Buffer.from(bytes)
        changed[at] = value
        if (decode(changed) === null) refused++
      }
    }
    expect(refused).toBeGreaterThan(100)
  })
})

test('names are the same in any case of ASCII, and only then', () => {
  expect(keyOf(['Well-07', 'LOCAL'])).toBe(keyOf(['well-07', 'local']))
  expect(keyOf(['Ä'])).not.toBe(keyOf(['ä']))
  expect(keyOf(['a.b'])).not.toBe(keyOf(['a', 'b']))
})

test('data: no TXT is one empty text; NSEC says which types there are', () => {
  expect(txtData([])).toEqual(Buffer.from([0]))
  expect(nsecData(['a'], [Type.A, Type.AAAA]).toString('hex')).toBe('016100000440000008')
  expect(nsecData(['a'], [Type.TXT, Type.SRV]).toString('hex')).toBe('01610000050000800040')
})
