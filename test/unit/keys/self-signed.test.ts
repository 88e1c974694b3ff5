// A certificate of the gateway's own: OpenSSL reads it, and a TLS client that knows it connects.
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { makeOwnPair } from '../../../src/keys/self-signed.ts'

const FROM = Date.UTC(2026, 9, 31)
const TO = Date.UTC(2051, 0, 1)
const NAMES = ['well-07', 'well-07.local', '127.0.0.1', '::1', 'fd00::12:0:7']

test('OpenSSL reads what stands in it, and finds its signature right', () => {
  const { cert } = makeOwnPair(NAMES, FROM, TO)
  const text = execFileSync('openssl', ['x509', '-noout', '-text'], { input: cert, encoding: 'utf8' })
  for (const line of [
    'Version: 3 (0x2)',
    'Issuer: CN = well-07',
    'Subject: CN = well-07',
    'Not Before: Oct 31 00:00:00 2026 GMT',
    'Not After : Jan  1 00:00:00 2051 GMT',
    'ASN1 OID: prime256v1',
    'Signature Algorithm: ecdsa-with-SHA256',
    'X509v3 Basic Constraints: critical\n                CA:FALSE',
    'X509v3 Key Usage: critical\n                Digital Signature',
    'TLS Web Server Authentication',
    'DNS:well-07, DNS:well-07.local, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:12:0:7',
  ]) expect(text).toContain(line)
  const certificate = new X509Certificate(cert)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
})

test('each has a key, a serial number and a fingerprint of its own', () => {
  const [a, b] = [makeOwnPair(['a'], FROM, TO), makeOwnPair(['a'], FROM, TO)]
  expect(new X509Certificate(a.cert).serialNumber).not.toBe(new X509Certificate(b.cert).serialNumber)
  expect(a.key).not.toBe(b.key)
  expect(a.fingerprint).toBe(new X509Certificate(a.cert).fingerprint256)
  expect(a.fingerprint).not.toBe(b.fingerprint)
})

test('a client that knows it connects, by name and by address; another one does not', async () => {
  const { key, cert } = makeOwnPair(NAMES, FROM, TO)
  const server = createServer({ key, cert }, (socket) => void socket.on('error', () => {}).end())
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const tried = (options: object): Promise<string> => new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ...options }, () => {
      resolve('connected')
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
  expect(await tried({ ca: cert })).toBe('connected')
  expect(await tried({ ca: cert, servername: 'well-07.local' })).toBe('connected')
  expect(await tried({ ca: cert, servername: 'well-08' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  expect(await tried({})).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  await new Promise((resolve) => void server.close(resolve))
})
