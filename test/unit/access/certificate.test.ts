// Who a client is by its certificate: names as openssl makes them, names as an attacker would, and the rules that make a user of them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificateUser, type ClientCertificate, clientCertificate, readCertificate } from '../../../src/access/certificate.ts'
import { DerError, Tag } from '../../../src/keys/der.ts'
import type { Issuer } from '../../../src/access/issuer.ts'
import { pemBlocks } from '../../../src/keys/pem.ts'
import type { CertificateRuleConfig, ClientCertificatesConfig } from '../../../src/config/config.ts'

// ---- certificates by hand

function der(tag: number, ...contents: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(contents.map((c) => (typeof c === 'string' ? Buffer.from(c, 'utf8') : c)))
  const length = body.length < 128 ? Buffer.of(body.length) : Buffer.of(0x83, body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff)
  const shortest = body.length >= 128 && body.length < 256 ? Buffer.of(0x81, body.length) : body.length >= 256 && body.length < 65_536 ? Buffer.of(0x82, body.length >> 8, body.length & 0xff) : length
  return Buffer.concat([Buffer.of(tag), shortest, body])
}
const oid = (hexDigits: string): Buffer => der(Tag.objectIdentifier, Buffer.from(hexDigits, 'hex'))
const CN = '550403'
const attribute = (type: string, tag: number, value: Buffer | string): Buffer => der(Tag.sequence, oid(type), der(tag, value))
const part = (...attributes: readonly Buffer[]): Buffer => der(Tag.set, ...attributes)
const cn = (value: Buffer | string, tag: number = Tag.utf8String): Buffer => part(attribute(CN, tag, value))
const extension = (type: string, value: Buffer): Buffer => der(Tag.sequence, oid(type), der(Tag.octetString, value))
const names = (...list: readonly Buffer[]): Buffer => extension('551d11', der(Tag.sequence, ...list))
const dns = (value: Buffer | string): Buffer => der(0x82, value)

function made(subject: readonly Buffer[], ...extensions: readonly Buffer[]): Buffer {
  const algorithm = der(Tag.sequence, oid('2a8648ce3d040302'))
  const validity = der(Tag.sequence, der(Tag.utcTime, '260101000000Z'), der(Tag.utcTime, '270101000000Z'))
  const more = extensions.length === 0 ? [] : [der(0xa3, der(Tag.sequence, ...extensions))]
  const certificate = der(Tag.sequence, der(0xa0, der(Tag.integer, Buffer.of(2))), der(Tag.integer, Buffer.of(5)), algorithm, der(Tag.sequence, cn('CA')), validity, der(Tag.sequence, ...subject), der(Tag.sequence), ...more)
  return der(Tag.sequence, certificate, algorithm, der(Tag.bitString, Buffer.of(0)))
}

const ISSUER = {} as Issuer
const kept = (bytes: Buffer): ClientCertificate => clientCertificate(readCertificate(bytes), ISSUER)
const userOf = (bytes: Buffer, user: ClientCertificatesConfig['user'] = 'cn', map: ClientCertificatesConfig['map'] = null): string | null => certificateUser(kept(bytes), { user, map })?.username ?? null

describe('names as openssl writes them', () => {
  let folder = ''
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'sandpiper-names-'))))
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each([
    '/CN=pump-1',
    '/C=NL/ST=Zuid-Holland/L=Delft/O=Acme/OU=Field/CN=pump-1',
    '/O=Acme, Inc. \\+ "Sons"; <x> \\\\ =/CN=#pump',
    '/CN= pump \\/ 1 ',
    '/CN=pompe à chaleur 熱',
    '/DC=org/DC=example/UID=7/CN=seven/serialNumber=0042/emailAddress=seven@example.org',
    '/CN=a\\+OU=b/O=c+OU=d',
    '/GN=Ada/SN=Lovelace/title=Countess/description=first/street=x/postalCode=1/dnQualifier=q/CN=ada',
    '/1.2.3.4.5=odd/CN=x',
  ])('%s', (subject) => {
    const file = join(folder, 'c.pem')
    execFileSync('openssl', ['req', '-x509', '-utf8', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'k.pem'), '-out', file, '-subj', subject], { stdio: 'pipe' })
    const written = execFileSync('openssl', ['x509', '-in', file, '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb'], { encoding: 'utf8' }).replace(/^subject=/, '').replace(/\n$/, '')
    expect(kept(pemBlocks(readFileSync(file), 'CERTIFICATE')[0]!).subject).toBe(written)
  })
})

describe('the common name', () => {
  test.each([
    ['UTF-8', cn('pümp'), 'pümp'],
    ['PrintableString', cn('pump-1', Tag.printableString), 'pump-1'],
    ['T61String, which is Latin-1', cn(Buffer.from('p\xfcmp', 'latin1'), Tag.teletexString), 'pümp'],
    ['BMPString', cn(Buffer.from('p\xfcmp', 'utf16le').swap16(), Tag.bmpString), 'pümp'],
    ['a NUL that would end it', cn('admin\0.example.org'), null],
    ['a line break', cn('pump\nforged line'), null],
    ['an escape sequence', cn('\x1b[31mpump'), null],
    ['a C1 control character', cn('pump\u0085'), null],
    ['bytes that are no UTF-8', cn(Buffer.from('pump\xff', 'latin1')), null],
    ['an overlong encoding', cn(Buffer.from([0x70, 0xc0, 0x80])), null],
    ['a surrogate in UTF-8', cn(Buffer.from([0xed, 0xa0, 0x80])), null],
    ['half a surrogate pair', cn(Buffer.from([0xd8, 0x00]), Tag.bmpString), null],
    ['half a character', cn(Buffer.from([0x00]), Tag.bmpString), null],
    ['PrintableString with more than ASCII', cn(Buffer.from('p\xfcmp', 'latin1'), Tag.printableString), null],
    ['a type that is no text', cn('pump', Tag.octetString), null],
    ['empty', cn(''), null],
    ['65,535 bytes', cn('x'.repeat(65_535)), 'x'.repeat(65_535)],
    ['65,536 bytes', cn('x'.repeat(65_536)), null],
    ['what looks like another part', cn('pump,O=Acme'), 'pump,O=Acme'],
  ])('%s', (_, subject, user) => expect(userOf(made([subject]))).toBe(user))

  test('of several the first counts, also when it cannot be read', () => {
    expect(userOf(made([cn('first'), cn('second')]))).toBe('first')
    expect(userOf(made([part(attribute(CN, Tag.utf8String, 'first'), attribute(CN, Tag.utf8String, 'second'))]))).toBe('first')
    expect(userOf(made([cn('\xff\0'), cn('admin')]))).toBeNull()
    expect(userOf(made([cn(Buffer.of(0xff)), cn('admin')]))).toBeNull()
  })

  test('none', () => expect(userOf(made([]))).toBeNull())
})

describe('the subject', () => {
  test.each([
    ['two parts in one', [part(attribute('55040b', Tag.utf8String, 'x'), attribute(CN, Tag.utf8String, 'pump'))], 'CN=pump+OU=x'],
    ['a common name that looks like more', [cn('pump,O=Acme')], String.raw`CN=pump\,O=Acme`],
    ['control characters', [cn('a\0\n\u0085')], String.raw`CN=a\00\0A\C2\85`],
    ['no text', [cn(Buffer.of(0xff))], 'CN=#0C01FF'],
    ['spaces and a hash at the ends', [cn(' #a '), part(attribute('55040a', Tag.utf8String, '#b'))], String.raw`O=\#b,CN=\ #a\ `],
  ])('%s', (_, subject, text) => expect(userOf(made(subject), 'subject')).toBe(text))

  test('empty', () => expect(userOf(made([]), 'subject')).toBeNull())

  test('names that are equal have one key', () => {
    const key = (...subject: Buffer[]): string => readCertificate(made(subject)).subject.key
    expect(key(cn('Acme  Devices', Tag.printableString))).toBe(key(cn('ACME devices')))
    expect(key(cn('a'), cn('b'))).not.toBe(key(cn('b'), cn('a')))
  })
})

describe('alternative names', () => {
  test('the first of each kind', () => {
    const bytes = made([cn('x')], names(der(0x87, Buffer.of(1, 2, 3, 4)), dns('one'), dns('two'), der(0x86, 'urn:1'), der(0x81, 'a@b'), der(0x86, 'urn:2')))
    expect([userOf(bytes, 'dns'), userOf(bytes, 'uri'), userOf(bytes, 'email')]).toEqual(['one', 'urn:1', 'a@b'])
  })

  test.each([
    ['NUL', names(dns('pump\0.evil'), dns('good'))],
    ['more than ASCII', names(dns('pümp'), dns('good'))],
    ['empty', names(dns(''), dns('good'))],
  ])('%s in the first: the second does not count', (_, extensions) => expect(userOf(made([cn('x')], extensions), 'dns')).toBeNull())

  test('what a list in text would show as two names is one', () => {
    expect(userOf(made([cn('x')], names(dns('a", DNS:"admin'), dns('good'))), 'dns')).toBe('a", DNS:"admin')
    expect(userOf(made([cn('x')], names(dns('a, DNS:admin'))), 'dns')).toBe('a, DNS:admin')
  })

  test('none of the kind, or none at all', () => {
    expect(userOf(made([cn('x')], names(der(0x86, 'urn:1'))), 'dns')).toBeNull()
    expect(userOf(made([cn('x')]), 'dns')).toBeNull()
  })

  test('two lists of them are refused', () => {
    expect(() => kept(made([cn('x')], names(dns('a')), names(dns('b'))))).toThrow(DerError)
  })
})

describe('map', () => {
  const rule = (match: RegExp, user: string | null = null, more: Partial<CertificateRuleConfig> = {}): CertificateRuleConfig => ({ match, user, tenant: '', roles: [], ...more })
  const pump = made([cn('pump-7')])

  test('the first that matches decides, with its tenant and roles', () => {
    const map = [rule(/^valve$/u), rule(/^pump-(?<number>[0-9]+)$/u, 'p{number}-{number}', { tenant: 'acme', roles: ['device'] }), rule(/^.*$/u, 'late')]
    expect(certificateUser(kept(pump), { user: 'cn', map })).toEqual({ username: 'p7-7', tenant: 'acme', roles: ['device'] })
  })

  test.each([
    ['none matches', [rule(/^valve$/u)], null],
    ['without a user: as it is', [rule(/^pump-.*$/u)], 'pump-7'],
    ['a group that took no part', [rule(/^pump-7(?<more>x)?$/u, 'p{more}')], null],
    ['a group that is empty', [rule(/^pump-7(?<more>x*)$/u, 'p{more}')], 'p'],
    ['a user that is empty', [rule(/^pump-7(?<more>x*)$/u, '{more}')], null],
  ])('%s', (_, map, user) => expect(userOf(pump, 'cn', map)).toBe(user))

  test('what a group matched is not looked at again', () => {
    expect(userOf(made([cn('{b}:x')]), 'cn', [rule(/^(?<a>[^:]+):(?<b>.*)$/u, '{a}')])).toBe('{b}')
    expect(userOf(made([cn('$&$1:x')]), 'cn', [rule(/^(?<a>[^:]+):(?<b>.*)$/u, '{a}')])).toBe('$&$1')
  })

  test('a user name that grows too long is none', () => {
    expect(userOf(made([cn('x'.repeat(40_000))]), 'cn', [rule(/^(?<a>.*)$/u, '{a}{a}')])).toBeNull()
  })
})
