// Revocation lists and certificates as openssl makes them, and as somebody damages them: an answer, or a DerError.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCertificate } from '../../../src/access/certificate.ts'
import { readCrl, readCrls } from '../../../src/keys/crl.ts'
import { Der, DerError, readInteger, readObjectIdentifier, readTime, Tag } from '../../../src/keys/der.ts'
import { pemBlocks } from '../../../src/keys/pem.ts'
import { Authority, type KeyPair } from '../../support/certificates.ts'

let authority: Authority
let other: Authority
let revoked: KeyPair[]
let list: Buffer
beforeAll(async () => {
  authority = await Authority.make()
  other = await Authority.make('Another one')
  revoked = [await authority.issueClient('a'), await authority.issueClient('b', { names: 'DNS:b,URI:urn:b,email:b@b' })]
  for (const pair of revoked) await authority.revoke(pair)
  list = Buffer.from(await authority.crl())
})
afterAll(async () => {
  await authority[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const derOf = (pair: KeyPair): Buffer => pemBlocks(readFileSync(pair.certFile), 'CERTIFICATE')[0]!
const serialOf = (pair: KeyPair): string => execFileSync('openssl', ['x509', '-in', pair.certFile, '-noout', '-serial'], { encoding: 'utf8' }).trim().replace('serial=', '')

describe('a list', () => {
  test('has its issuer, its times and the serials', async () => {
    const from = new Date('2026-11-01T02:03:04Z')
    const to = new Date('2056-11-01T02:03:04Z') // GeneralizedTime
    const [crl, ...more] = readCrls(Buffer.from(await authority.crl({ from, to })))
    expect(more).toEqual([])
    expect(crl).toEqual({
      issuer: 'CN=Authority of a test',
      issuerKey: 'cn=authority of a test',
      serials: new Set(revoked.map(serialOf)),
      thisUpdateMs: from.getTime(),
      nextUpdateMs: to.getTime(),
    })
    expect(readCertificate(derOf(revoked[0]!))).toMatchObject({ serial: serialOf(revoked[0]!), issuer: { key: crl!.issuerKey } })
  })

  test('several of them in a file, one empty, with text between', async () => {
    const file = `one\n${list.toString()}two\n${await other.crl()}`
    expect(readCrls(Buffer.from(file)).map((crl) => [crl.issuer, crl.serials.size])).toEqual([['CN=Authority of a test', 2], ['CN=Another one', 0]])
  })

  test.each([
    ['', 'it has no lines -----BEGIN X509 CRL-----'],
    ['hello', 'it has no lines -----BEGIN X509 CRL-----'],
    ['-----BEGIN X509 CRL-----\nMIIB\n', 'it has no lines -----BEGIN X509 CRL-----'],
    ['-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n', 'cut off'],
    ['-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n', 'expected tag 0x30 and found the end'],
  ])('%j is none', (text, why) => expect(() => readCrls(Buffer.from(text))).toThrow(new DerError(why)))

  test('a second one that is cut off is not left out', () => {
    expect(() => readCrls(Buffer.concat([list, list.subarray(0, 100)]))).toThrow(new DerError('what begins with -----BEGIN X509 CRL----- has no end'))
  })

  test.each([
    ['only changes', 'deltaCRLIndicator', '2.5.29.27'],
    ['of other issuers', 'certificateIssuer', '2.5.29.29'],
  ])('one %s is refused', (_, _name, identifier) => {
    const der = pemBlocks(list, 'X509 CRL')[0]!
    const number = der.indexOf(hex('0603551d14')) // cRLNumber, in the extensions of the list
    const changed = Buffer.from(der)
    // SEQUENCE { OID, OCTET STRING { INTEGER } } becomes SEQUENCE { OID, BOOLEAN true, OCTET STRING {} }: the length stays.
    expect(changed[number + 6]).toBe(3)
    changed[number + 4] = Number(identifier.split('.').at(-1))
    hex('0101ff').copy(changed, number + 5)
    changed[number + 8] = 0x04
    changed[number + 9] = 0
    expect(() => readCrl(changed)).toThrow(new DerError(`the extension ${identifier} is not known here: give a list of one issuer, with all that it has revoked`))
  })
})

describe('damaged', () => {
  const SEED = 20_261_121

  test(`whatever happens to the bytes, the answer is a value or a DerError (seed ${SEED})`, () => {
    let state = SEED
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const samples = [...pemBlocks(list, 'X509 CRL').map((der) => ({ der, read: readCrl })), ...revoked.map((pair) => ({ der: derOf(pair), read: readCertificate }))]
    const counts = { read: 0, refused: 0 }
    const wrong: string[] = []
    for (let i = 0; i < 60_000; i++) {
      const { der, read } = samples[i % samples.length]!
      const bytes = mutated(der, random)
      try {
        read(bytes)
        counts.read++
      } catch (error) {
        if (error instanceof DerError) counts.refused++
        else wrong.push(`${bytes.toString('hex')}: ${String(error)}`)
      }
    }
    expect(wrong).toEqual([])
    expect(counts.read).toBeGreaterThan(1000) // the mutations are not all hopeless
    expect(counts.refused).toBeGreaterThan(10_000)
  })

  test('every beginning of one', () => {
    for (const [der, read] of [[pemBlocks(list, 'X509 CRL')[0]!, readCrl], [derOf(revoked[1]!), readCertificate]] as const) {
      for (let length = 0; length < der.length; length++) expect(() => read(der.subarray(0, length))).toThrow(DerError)
      expect(() => read(Buffer.concat([der, Buffer.of(0)]))).toThrow(new DerError('1 bytes too many'))
    }
  })

  function mutated(der: Buffer, random: (below: number) => number): Buffer {
    let bytes = Buffer.from(der)
    for (let n = random(3); n >= 0; n--) {
      const at = random(bytes.length)
      const kind = random(5)
      if (kind === 0) bytes[at] = random(256)
      else if (kind === 1) bytes[at]! ^= 1 << random(8)
      else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(8))])
      else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(at + 1), at), bytes.subarray(at)])
      else bytes[at] = [0, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x84, 0xff][random(8)]!
      if (bytes.length === 0) return bytes
    }
    return bytes
  }
})

describe('DER', () => {
  test.each([
    ['', 'cut off'],
    ['30', 'cut off'],
    ['3001', 'a value is longer than what it stands in'],
    ['3080', 'a length that is not definite, or too long'],
    ['308500000000010000', 'a length that is not definite, or too long'],
    ['308101aa', 'a length that is not in its shortest form'],
    ['30820080', 'a length that is not in its shortest form'],
    ['3084ffffffff', 'a value is longer than what it stands in'],
    ['1f8101aa', 'a tag of several octets'],
  ])('%s is none: %s', (bytes, why) => expect(() => new Der(hex(bytes)).skip()).toThrow(new DerError(why)))

  test.each([['020100', '00'], ['02017f', '7F'], ['02020080', '80'], ['0201ff', '-FF'], ['020200ff', 'FF'], ['02020100', '0100']])('integer %s is %s', (bytes, value) => expect(readInteger(new Der(hex(bytes)))).toBe(value))
  test.each(['0200', '0202007f', '0202ffff'])('integer %s is none', (bytes) => expect(() => readInteger(new Der(hex(bytes)))).toThrow(DerError))

  test.each([['0603550403', '2.5.4.3'], ['06032a8688', null], ['06062a864886f70d', '1.2.840.113549'], ['0600', null], ['06028001', null], ['0602883703', null], ['06028837', '2.999']])(
    'object identifier %s is %s',
    (bytes, value) => {
      if (value === null) expect(() => { const der = new Der(hex(bytes)); readObjectIdentifier(der); der.expectEnd() }).toThrow(DerError)
      else expect(readObjectIdentifier(new Der(hex(bytes)))).toBe(value)
    },
  )

  const time = (tag: number, text: string): Der => new Der(Buffer.concat([Buffer.of(tag, text.length), Buffer.from(text)]))
  test.each([
    [Tag.utcTime, '491231235959Z', Date.UTC(2049, 11, 31, 23, 59, 59)],
    [Tag.utcTime, '500101000000Z', Date.UTC(1950, 0, 1)],
    [Tag.generalizedTime, '99991231235959Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
    [Tag.generalizedTime, '20240229000000Z', Date.UTC(2024, 1, 29)],
  ])('time %i %s', (tag, text, ms) => expect(readTime(time(tag, text))).toBe(ms))
  test.each([[Tag.utcTime, '4912312359Z'], [Tag.utcTime, '491231235959+0100'], [Tag.utcTime, '991301000000Z'], [Tag.generalizedTime, '20230229000000Z'], [Tag.generalizedTime, '20230101240000Z'], [Tag.generalizedTime, '20230101000000.5Z']])(
    'time %i %s is none',
    (tag, text) => expect(() => readTime(time(tag, text))).toThrow(DerError),
  )
})
