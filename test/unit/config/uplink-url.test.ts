// Where an uplink goes: the four schemes of its `url`, and the keys that belong to some of them only.
import { describe, expect, test } from 'vitest'
import { accepted, check, lines, uplink } from './gateway-yaml.ts'

const withUrl = (url: string, keys = ''): string => uplink(keys).replace('mqtt://h', `"${url}"`)

describe('url', () => {
  test.each([
    ['mqtt://h', { host: 'h', port: 1883, tls: false, websocketPath: null }],
    ['mqtts://h', { host: 'h', port: 8883, tls: true, websocketPath: null }],
    ['ws://h', { host: 'h', port: 80, tls: false, websocketPath: '/mqtt' }],
    ['ws://h/', { port: 80, websocketPath: '/mqtt' }],
    ['ws://h:8080/', { port: 8080, websocketPath: '/mqtt' }],
    ['ws://h:9001/ws', { port: 9001, websocketPath: '/ws' }],
    ['wss://h', { port: 443, tls: true, websocketPath: '/mqtt' }],
    ['wss://h:443/mqtt', { port: 443, tls: true, websocketPath: '/mqtt' }],
    ['wss://h/mqtt?token=abc', { websocketPath: '/mqtt?token=abc' }],
    ['wss://h/?token=abc', { websocketPath: '/mqtt?token=abc' }],
    ['wss://[::1]:8443/a/b', { host: '::1', port: 8443, websocketPath: '/a/b' }],
  ])('%s', (url, expected) => expect(accepted(withUrl(url)).uplinks[0]).toMatchObject(expected))

  test.each([
    ['mqtt://h/mqtt', '4:10 uplinks[0].url: `url` goes on behind the port'],
    ['mqtts://h?a=b', '4:10 uplinks[0].url: `url` goes on behind the port'],
    ['ws://h/mqtt#part', '4:10 uplinks[0].url: `url` has a # behind the path'],
    ['mqtts://h#part', '4:10 uplinks[0].url: `url` has a # behind the path'],
    ['ws://h:0/mqtt', '4:10 uplinks[0].url: `url` has the port 0'],
    ['ws://u:secret@h/mqtt', '4:10 uplinks[0].url: `url` holds a user or password'],
    ['http://h/mqtt', '4:10 uplinks[0].url: `url` has the scheme http://, which no uplink speaks'],
  ])('%s is refused', (url, line) => {
    const found = lines(check(withUrl(url)))
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(line)
    expect(found[0]).not.toContain('secret')
  })
})

describe('keys that belong to a scheme', () => {
  test('compress', () => {
    expect(accepted(withUrl('wss://h', 'compress: true')).uplinks[0]!.compress).toBe(true)
    expect(accepted(withUrl('ws://h')).uplinks[0]!.compress).toBe(false)
    expect(lines(check(withUrl('mqtt://h', 'compress: true')))[0]).toContain('6:5 uplinks[0].compress: `compress` is for a WebSocket only, and `url` is none')
    expect(accepted(withUrl('mqtt://h', 'compress: false')).uplinks[0]!.compress).toBe(false)
  })

  test('tls', () => {
    expect(accepted(withUrl('wss://h', 'tls: { servername: x }')).uplinks[0]!.tlsOptions).toEqual({ ca: null, identity: null, servername: 'x', alpn: null, versionMax: 'TLSv1.3' })
    expect(accepted(withUrl('mqtts://h', 'tls: { maxVersion: TLSv1.2 }')).uplinks[0]!.tlsOptions.versionMax).toBe('TLSv1.2')
    expect(lines(check(withUrl('ws://h', 'tls: {}')))[0]).toContain('`tls` is set, but `url` says ws:// without TLS')
    expect(lines(check(withUrl('mqtts://h', 'tls: { maxVersion: TLSv1.1 }')))[0]).toContain('maxVersion')
  })

  test('maxInflight is large where the server says what it takes', () => {
    expect(accepted(withUrl('mqtt://h')).uplinks[0]!.inflightMax).toBe(10_000)
    expect(accepted(withUrl('mqtt://h', 'version: 4')).uplinks[0]!.inflightMax).toBe(100)
    expect(accepted(withUrl('mqtt://h', 'version: 4\nmaxInflight: 7')).uplinks[0]!.inflightMax).toBe(7)
  })
})
