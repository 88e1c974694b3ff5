// Listeners: what they listen on, how, and every mistake in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListenerConfig } from '../../../src/config/config.ts'
import { checkText, type LoadOptions } from '../../../src/config/load.ts'
import { Authority } from '../../support/certificates.ts'
import { accepted, check, lines } from './gateway-yaml.ts'

const PORT = { kind: 'port', port: 1883, host: '127.0.0.1', tls: null, websocket: null, proxyProtocol: null, anonymous: true, tenant: '', limits: {} }
const SOCKET = { kind: 'socket', path: '/site/s.sock', mode: 0o660, websocket: null, anonymous: true, tenant: '', limits: {} }

const yaml = (...items: readonly string[]): string => `site: s\nbroker:\n  listeners:\n${items.map((item) => `    - { ${item} }\n`).join('')}`
const listener = (item: string): ListenerConfig => accepted(yaml(item)).broker.listeners[0]!

describe('accepted', () => {
  it.each([
    ['port: 1883', PORT],
    ['port: 9001, websocket: true', { ...PORT, port: 9001, websocket: { paths: ['/mqtt', '/'] } }],
    ['port: 9001, websocket: false', { ...PORT, port: 9001 }],
    ['port: 9001, websocket: { path: /a/b-c }', { ...PORT, port: 9001, websocket: { paths: ['/a/b-c'] } }],
    ['port: 8883, tls: { key: k.pem, cert: /etc/c.pem }', { ...PORT, port: 8883, tls: { keyFile: '/site/k.pem', certFile: '/etc/c.pem', minVersion: 'TLSv1.2', clients: null } }],
    ['port: 8883, tls: { key: k, cert: c, minVersion: 1.3 }', { ...PORT, port: 8883, tls: { keyFile: '/site/k', certFile: '/site/c', minVersion: 'TLSv1.3', clients: null } }],
    [
      'port: 8883, tls: { key: k, cert: c, clients: { ca: ca.pem } }',
      { ...PORT, port: 8883, anonymous: false, tls: { keyFile: '/site/k', certFile: '/site/c', minVersion: 'TLSv1.2', clients: { caFile: '/site/ca.pem', crlFile: null, need: 'required', user: 'cn', map: null } } },
    ],
    [
      'port: 8883, tls: { key: k, cert: c, clients: { ca: /ca, crl: r, need: optional, user: dns, map: [{ match: "^p-(?<n>[0-9]+)|(?<m>x)$", user: "p{n}{m}", roles: [device, 7a] }, { match: a|b }] } }',
      {
        ...PORT,
        port: 8883,
        anonymous: false,
        tls: {
          keyFile: '/site/k',
          certFile: '/site/c',
          minVersion: 'TLSv1.2',
          clients: {
            caFile: '/ca',
            crlFile: '/site/r',
            need: 'optional',
            user: 'dns',
            map: [
              { match: /^(?:^p-(?<n>[0-9]+)|(?<m>x)$)$/u, user: 'p{n}{m}', tenant: '', roles: ['device', '7a'] },
              { match: /^(?:a|b)$/u, user: null, tenant: '', roles: [] },
            ],
          },
        },
      },
    ],
    [
      'port: 1883, proxyProtocol: { from: [10.0.0.7, 10.1.0.0/16, "fd00::/8", "::1"] }',
      {
        ...PORT,
        proxyProtocol: {
          from: [
            { address: '10.0.0.7', prefix: 32, family: 'ipv4' },
            { address: '10.1.0.0', prefix: 16, family: 'ipv4' },
            { address: 'fd00::', prefix: 8, family: 'ipv6' },
            { address: '::1', prefix: 128, family: 'ipv6' },
          ],
        },
      },
    ],
    ['socket: s.sock', SOCKET],
    ['socket: /run/sandpiper/mqtt.sock, mode: "0600"', { ...SOCKET, path: '/run/sandpiper/mqtt.sock', mode: 0o600 }],
    ['socket: s.sock, mode: 0600', { ...SOCKET, mode: 0o600 }],
    ['socket: s.sock, mode: 0o600', { ...SOCKET, mode: 0o600 }],
    ['socket: s.sock, mode: 666', { ...SOCKET, mode: 0o666 }],
    ['socket: s.sock, websocket: true, maxConnections: 5', { ...SOCKET, websocket: { paths: ['/mqtt', '/'] }, limits: { connectionsMax: 5 } }],
  ])('%s', (item, config) => expect(listener(item)).toEqual(config))

  it('many of them, of every kind, on one machine', () => {
    const many = ['port: 1883', 'port: 1884, websocket: true', 'port: 1883, host: "::1"', 'socket: a.sock', 'socket: b.sock', 'port: 8883, host: "::", anonymous: true, tls: { key: k, cert: c }']
    expect(accepted(yaml(...many)).broker.listeners).toHaveLength(many.length)
  })
})

describe('refused', () => {
  it.each([
    ['port: 1883, socket: a', '4:21 broker.listeners[0].socket: `listeners[0]` has both `port` and `socket`'],
    ['host: "::1"', '4:7 broker.listeners[0]: `listeners[0]` has no `port` or `socket`'],
    ['sokcet: a', '4:9 broker.listeners[0].sokcet: unknown key `sokcet` in `listeners[0]`'],
    ['socket: a, host: "::1"', '4:20 broker.listeners[0].host: unknown key `host` in `listeners[0]`'],
    ['socket: a, tls: { key: k, cert: c }', '4:20 broker.listeners[0].tls: unknown key `tls` in `listeners[0]`'],
    ['socket: a, proxyProtocol: { from: [10.0.0.1] }', '4:20 broker.listeners[0].proxyProtocol: unknown key `proxyProtocol` in `listeners[0]`'],
    ['port: 1, mode: "0600"', '4:18 broker.listeners[0].mode: unknown key `mode` in `listeners[0]`'],
    [`socket: /${'x'.repeat(107)}`, '4:17 broker.listeners[0].socket: `socket` has a path of 108 bytes'],
    ['socket: a, mode: "0888"', '4:26 broker.listeners[0].mode: `mode` must be a permission of three octal digits, found the text "0888"'],
    ['socket: a, mode: rw', '4:26 broker.listeners[0].mode: `mode` must be a permission of three octal digits, found the text "rw"'],
    ['socket: a, mode: 1777', '4:26 broker.listeners[0].mode: `mode` must be a permission of three octal digits, found the number 1777'],
    ['socket: a, mode: [6]', '4:26 broker.listeners[0].mode: `mode` must be a permission of three octal digits, found a list'],
    ['port: 1, tls: { key: k }', '4:23 broker.listeners[0].tls: `cert` is missing in `tls`'],
    ['port: 1, tls: { kye: k, cert: c }', '4:23 broker.listeners[0].tls: `key` is missing in `tls`', '4:25 broker.listeners[0].tls.kye: unknown key `kye` in `tls`'],
    ['port: 1, tls: true', '4:23 broker.listeners[0].tls: `tls` must be a group of keys, found true'],
    ['port: 1, tls: { key: k, cert: c, minVersion: 1.1 }', '4:54 broker.listeners[0].tls.minVersion: `minVersion` must be 1.2 or 1.3, found the number 1.1'],
    ['port: 1, tls: { key: k, cert: c, clients: {} }', '4:51 broker.listeners[0].tls.clients: `ca` is missing in `clients`'],
    ['port: 1, tls: { key: k, cert: c, clients: true }', '4:51 broker.listeners[0].tls.clients: `clients` must be a group of keys, found true'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, need: always } }', '4:66 broker.listeners[0].tls.clients.need: `need` must be required or optional, found the text "always"'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, user: san } }', '4:66 broker.listeners[0].tls.clients.user: `user` must be cn, subject, dns, uri or email, found the text "san"'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [] } }', '4:65 broker.listeners[0].tls.clients.map: `map` is empty'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [{ user: x }] } }', '4:66 broker.listeners[0].tls.clients.map[0]: `match` is missing in `map[0]`'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [{ match: "a(" }] } }', '4:75 broker.listeners[0].tls.clients.map[0].match: `match` "a(" is not a regular expression: Unterminated group'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [{ match: "a)|(?:b" }] } }', '4:75 broker.listeners[0].tls.clients.map[0].match: `match` "a)|(?:b" is not a regular expression: Unmatched \')\''],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [{ match: "a", user: "{n}" }] } }', '4:86 broker.listeners[0].tls.clients.map[0].user: `user` has {n}, and `match` has no group of that name'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [{ match: "(?<m>a)", user: "{m}{n}" }] } }', '4:92 broker.listeners[0].tls.clients.map[0].user: `user` has {n}, and `match` has no group of that name'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [{ match: "a", user: "{}" }] } }', '4:86 broker.listeners[0].tls.clients.map[0].user: `user` has {}, and `match` has no group of that name'],
    ['port: 1, tls: { key: k, cert: c, clients: { ca: a, map: [{ match: "a", tenant: acme }] } }', '4:88 broker.listeners[0].tls.clients.map[0].tenant: there is no tenant "acme"'],
    ['port: 1, websocket: yes', '4:29 broker.listeners[0].websocket: `websocket` must be true or `{ path: /mqtt }`, found the text "yes"'],
    ['port: 1, websocket: /mqtt', '4:29 broker.listeners[0].websocket: `websocket` must be true or `{ path: /mqtt }`, found the text "/mqtt"'],
    ['port: 1, websocket: {}', '4:29 broker.listeners[0].websocket: `path` is missing in `websocket`'],
    ['port: 1, websocket: { path: mqtt }', '4:37 broker.listeners[0].websocket.path: `path` must be a path, found the text "mqtt"'],
    ['port: 1, websocket: { path: "/a?b" }', '4:37 broker.listeners[0].websocket.path: `path` must be a path, found the text "/a?b"'],
    ['port: 1, proxyProtocol: true', '4:33 broker.listeners[0].proxyProtocol: `proxyProtocol` must be a group of keys, found true'],
    ['port: 1, proxyProtocol: { from: [] }', '4:41 broker.listeners[0].proxyProtocol.from: `from` is empty'],
    ['port: 1, proxyProtocol: { from: [proxy.local] }', '4:42 broker.listeners[0].proxyProtocol.from[0]: `from[0]` "proxy.local" is no IP address or network'],
    ['port: 1, proxyProtocol: { from: [10.0.0.0/33] }', '4:42 broker.listeners[0].proxyProtocol.from[0]: `from[0]` "10.0.0.0/33" is no IP address or network'],
    ['port: 1, proxyProtocol: { from: [10.0.0.0/8/8] }', '4:42 broker.listeners[0].proxyProtocol.from[0]: `from[0]` "10.0.0.0/8/8" is no IP address or network'],
    ['port: 1, proxyProtocol: { from: [10.0.0.0/] }', '4:42 broker.listeners[0].proxyProtocol.from[0]: `from[0]` "10.0.0.0/" is no IP address or network'],
    ['port: 1, host: "::", tls: { key: k, cert: c }', '4:24 broker.listeners[0].host: listening on :: lets everyone on that network connect, publish and read'],
  ])('%s', (item, ...problems) => {
    const result = check(yaml(item))
    expect(lines(result)).toEqual(problems)
    if (!('problems' in result)) throw new Error('accepted')
    for (const problem of result.problems) expect(problem.hint.length).toBeGreaterThan(8)
  })

  it('two on one socket', () => {
    expect(lines(check(yaml('socket: a', 'socket: ./a')))).toEqual(['5:17 broker.listeners[1].socket: the socket /site/a is taken twice, as in `broker.listeners[0]`'])
  })
})

describe('keys and certificates are looked at', () => {
  let authority: Authority
  let folder = ''
  beforeAll(async () => {
    authority = await Authority.make()
    await authority.issue('one')
    await authority.issue('two')
    folder = mkdtempSync(join(tmpdir(), 'sandpiper-listener-'))
    writeFileSync(join(folder, 'text'), 'hello\n')
    writeFileSync(join(folder, 'locked.key'), '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGb\n-----END ENCRYPTED PRIVATE KEY-----\n')
    writeFileSync(join(folder, 'broken.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await authority[Symbol.asyncDispose]()
  })

  const checkPair = (key: string, cert: string, options: LoadOptions = {}): ReturnType<typeof checkText> => {
    const at = (name: string): string => join(/^(one|two)\./.test(name) ? authority.folder : folder, name)
    return checkText(yaml(`port: 8883, tls: { key: "${at(key)}", cert: "${at(cert)}" }`), join(folder, 'gateway.yaml'), options)
  }

  it('a pair', () => expect(lines(checkPair('one.key', 'one.pem'))).toEqual([]))

  it.each([
    ['two.key', 'one.pem', 'tls.key: the key does not belong to the certificate'],
    ['text', 'one.pem', 'tls.key: the key is no PEM: it must have lines -----BEGIN PRIVATE KEY-----'],
    ['one.key', 'text', 'tls.cert: the certificate is no PEM: it must have lines -----BEGIN CERTIFICATE-----'],
    ['locked.key', 'one.pem', 'tls.key: the key is encrypted: nobody could be asked for its passphrase when the gateway starts'],
    ['one.key', 'broken.pem', 'tls.cert: key and certificate cannot be used: error:'],
    ['none', 'one.pem', 'tls.key: FOLDER/none does not exist'],
    ['one.key', 'none', 'tls.cert: FOLDER/none does not exist'],
  ])('%s with %s', (key, cert, problem) => {
    const result = checkPair(key, cert)
    expect(lines(result)).toHaveLength(1)
    expect(lines(result)[0]).toContain(`broker.listeners[0].${problem.replace('FOLDER', folder)}`)
    expect(result).toMatchObject({ problems: [{ code: 'E_SECRET' }] })
    // The last good configuration comes up with it; the listener waits for a pair.
    expect(checkPair(key, cert, { secrets: 'optional' })).toMatchObject({ warnings: [{ code: 'E_SECRET', line: 4 }] })
  })
})

describe('authorities and revocation lists of clients are looked at', () => {
  let authority: Authority
  let folder = ''
  beforeAll(async () => {
    authority = await Authority.make()
    await authority.issue('own')
    folder = mkdtempSync(join(tmpdir(), 'sandpiper-listener-'))
    const crl = await authority.crl()
    const files = { crl, both: crl + crl, half: crl.slice(0, 200), text: 'hello\n', broken: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', odd: '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n' }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await authority[Symbol.asyncDispose]()
  })

  const checkClients = (clients: string, options: LoadOptions = {}): ReturnType<typeof checkText> => {
    const own = `key: "${join(authority.folder, 'own.key')}", cert: "${join(authority.folder, 'own.pem')}"`
    return checkText(yaml(`port: 8883, tls: { ${own}, clients: { ${clients.replace('CA', `"${authority.certFile}"`)} } }`), join(folder, 'gateway.yaml'), options)
  }

  it.each(['ca: CA', 'ca: CA, crl: crl', 'ca: CA, crl: both'])('%s', (clients) => expect(lines(checkClients(clients))).toEqual([]))

  it.each([
    ['ca: none', 'ca: FOLDER/none does not exist'],
    ['ca: text', 'ca: FOLDER/text cannot be used: it has no lines -----BEGIN CERTIFICATE-----'],
    ['ca: crl', 'ca: FOLDER/crl cannot be used: it has no lines -----BEGIN CERTIFICATE-----'],
    ['ca: broken', 'ca: FOLDER/broken cannot be used: a certificate in it cannot be read: error:'],
    ['ca: .', 'ca: FOLDER is no ordinary file'],
    ['ca: CA, crl: none', 'crl: FOLDER/none does not exist'],
    ['ca: CA, crl: text', 'crl: FOLDER/text cannot be used: it has no lines -----BEGIN X509 CRL-----'],
    ['ca: CA, crl: half', 'crl: FOLDER/half cannot be used: it has no lines -----BEGIN X509 CRL-----'],
    ['ca: CA, crl: odd', 'crl: FOLDER/odd cannot be used: expected tag 0x30 and found the end'],
    ['ca: CA, crl: CA', 'crl: CA cannot be used: it has no lines -----BEGIN X509 CRL-----'],
  ])('%s', (clients, problem) => {
    const written = clients.replace('crl: CA', `crl: "${authority.certFile}"`)
    const result = checkClients(written)
    expect(lines(result)).toHaveLength(1)
    expect(lines(result)[0]).toContain(`broker.listeners[0].tls.clients.${problem.replace('FOLDER', folder).replace(': CA ', `: ${authority.certFile} `)}`)
    expect(result).toMatchObject({ problems: [{ code: 'E_SECRET' }] })
    // The last good configuration comes up with it; the listener lets nobody in until there is a better one.
    expect(checkClients(written, { secrets: 'optional' })).toMatchObject({ warnings: [{ code: 'E_SECRET', line: 4 }] })
  })
})
