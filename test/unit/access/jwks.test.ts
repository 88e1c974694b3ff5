// Key sets from a real HTTP server: rotated, broken, hanging, gone; and what is on flash when it stays away.
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Tokens } from '../../../src/access/token.ts'
import type { Identity } from '../../../src/access/identity.ts'
import type { Timer } from '../../../src/clock.ts'
import type { TokenConfig } from '../../../src/config/config.ts'
import { Counters } from '../../../src/counters.ts'
import { LoginRefused, Reason } from '../../../src/mqtt/reason.ts'
import { TOKEN_ALGORITHMS } from '../../../src/keys/verification-keys.ts'
import { Authority } from '../../support/certificates.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { IssuerKey, KeyServer, signed } from '../../support/token-issuer.ts'
import { until } from '../../support/until.ts'

const HOUR_MS = 3_600_000
const NO_SUCH_KEY = 'the token is refused: its issuer has no such key (kid, alg)'
const first = new IssuerKey('first', 'P-256')
const second = new IssuerKey('second', 'Ed25519')
const third = new IssuerKey('third', 'RSA')

let top: string
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'sandpiper-jwks-'))
})
afterAll(() => rm(top, { recursive: true, force: true }))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(top, 'store-'))
})

/** Remembers the times that fetches are put off by: all other timers are shorter. */
class FetchClock extends FakeClock {
  readonly putOffMs: number[] = []

  override after(ms: number, fn: () => void): Timer {
    if (ms >= 13_000) this.putOffMs.push(ms)
    return super.after(ms, fn)
  }
}

/** A gateway's tokens with keys from `server`. */
class Bed implements AsyncDisposable {
  readonly clock = new FetchClock()
  readonly counters = new Counters()
  readonly lines: string[] = []
  readonly tokens: Tokens

  constructor(url: URL, random: () => number, ca: Buffer | null, issuers: readonly string[]) {
    const log = (level: string) => (fields: object, text: string): void => void this.lines.push(`${level}: ${text} ${JSON.stringify(fields)}`)
    const config: Omit<TokenConfig, 'issuer'> = {
      audiences: null, keys: { kind: 'url', url, refreshMs: HOUR_MS, ca }, algorithms: TOKEN_ALGORITHMS, clockToleranceMs: 0,
      username: 'sub', tenant: null, roles: [], keycloak: null, scopes: null, permissions: null,
    }
    this.tokens = new Tokens(issuers.map((issuer) => ({ issuer, ...config })), { clock: this.clock, counters: this.counters, folder, random, log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') } })
  }

  static async start(url: URL, random = () => 0.5, ca: Buffer | null = null, issuers = ['i']): Promise<Bed> {
    const bed = new Bed(url, random, ca, issuers)
    await bed.tokens.start()
    return bed
  }

  async token(key: IssuerKey, header: object = { kid: key.id }): Promise<Buffer> {
    const algorithm = { 'P-256': 'ES256', Ed25519: 'EdDSA', RSA: 'RS256' }[key.kind as 'P-256']
    return signed({ iss: 'i', sub: 'u', exp: Math.floor(this.clock.wall() / 1000) + 360_000 }, algorithm, key.privateKey, header)
  }

  async login(key: IssuerKey, header?: object): Promise<Identity> {
    return this.tokens.identify(await this.token(key, header), '')
  }

  failed(times: number): Promise<unknown> {
    return until(() => this.counters.refusedKeySets === times, `${times} fetches that failed, and not ${this.counters.refusedKeySets}`)
  }

  /** Waits until the fetch number `n` is over, and what came of it on flash. */
  fetched(n: number): Promise<unknown> {
    return until(() => this.clock.putOffMs.length === n, `the end of fetch ${n}`)
  }

  /** Lets the time come for the next fetch, which is still under way then. */
  nextFetch(): void {
    this.clock.advance(this.clock.putOffMs.at(-1)!)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.tokens.stop()
    return Promise.resolve()
  }
}

const kept = async (): Promise<string[]> => (await readdir(folder)).toSorted()
const keptKeys = async (): Promise<object[]> => (JSON.parse(await readFile(join(folder, (await kept())[0]!), 'utf8')) as { keys: object[] }).keys

describe('a server that answers', () => {
  it('its keys serve from the start: the first login waits for them', async () => {
    await using server = await KeyServer.start()
    server.give(first, third)
    await using bed = await Bed.start(server.url)
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u', by: 'token' })
    await expect(bed.login(third)).resolves.toMatchObject({ username: 'u' })
    expect(server.requests).toBe(1)
    expect(bed.lines).toEqual([])
  })

  it('the set is on flash, for its owner only, and written again only when it is another one', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    const [name, ...more] = await kept()
    expect(more).toEqual([])
    expect(name).toMatch(/^jwks-[0-9a-f]{32}\.json$/)
    const file = join(folder, name!)
    const { mode, ino } = await stat(file)
    expect(mode & 0o777).toBe(0o600)
    server.giveText(JSON.stringify({ extra: 1, keys: [{ ...first.jwk, x5t: 'other' }] }, null, 2))
    bed.nextFetch()
    await bed.fetched(2)
    expect((await stat(file)).ino).toBe(ino)
    server.give(second)
    bed.nextFetch()
    await bed.fetched(3)
    expect((await stat(file)).ino).not.toBe(ino)
    expect(await kept()).toEqual([name])
    expect(server.requests).toBe(3)
  })

  it('keeps nothing private, although the server shows it', async () => {
    await using server = await KeyServer.start()
    server.giveText(JSON.stringify({ keys: [{ ...first.privateKey.export({ format: 'jwk' }), kid: first.id }] }))
    await using bed = await Bed.start(server.url)
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    await bed.fetched(1)
    expect(Object.keys((await keptKeys())[0]!).toSorted()).toEqual(['crv', 'kid', 'kty', 'use', 'x', 'y'])
  })

  it('secrets, keys for encryption, broken ones and unknown kinds in a set are passed over', async () => {
    await using server = await KeyServer.start()
    const secret = Buffer.alloc(64, 7)
    const odd = [
      { kty: 'oct', k: secret.toString('base64url'), kid: 'secret' }, { ...third.jwk, kid: 'enc', use: 'enc' }, { ...third.jwk, kid: 'oaep', alg: 'RSA-OAEP', use: undefined },
      { ...third.jwk, kid: 'ops', key_ops: ['encrypt'] }, { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'tiny' }, { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'point' },
      { kty: 'EC', crv: 'secp256k1', kid: 'curve' }, { kty: 'AKP', kid: 'new' }, { ...first.jwk, kid: 5 }, null, 5, [], 'x', {},
    ]
    server.giveText(JSON.stringify({ keys: [...odd, first.jwk] }))
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    const token = await signed({ iss: 'i', sub: 'u', exp: 4_102_444_800 }, 'HS256', secret, { kid: 'secret' })
    await expect(bed.tokens.identify(token, '')).rejects.toMatchObject({ why: NO_SUCH_KEY })
    await bed.fetched(2)
    expect(await keptKeys()).toHaveLength(1)
  })

  it('serves several issuers with one fetch', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url, undefined, undefined, ['i', 'j'])
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    await bed.fetched(1)
    expect(server.requests).toBe(1)
  })

  it('is asked again a tenth earlier or later than configured, not by all gateways at once', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using early = await Bed.start(server.url, () => 0)
    await early.fetched(1)
    await using late = await Bed.start(server.url, () => 0.999)
    await late.fetched(1)
    expect(early.clock.putOffMs).toEqual([0.9 * HOUR_MS])
    expect(late.clock.putOffMs[0]).toBeCloseTo(1.0998 * HOUR_MS, 0)
  })
})

describe('TLS', () => {
  it('the server must be one that the authorities in `ca` know', async () => {
    await using authority = await Authority.make()
    await using stranger = await Authority.make('Another authority')
    const { keyFile, certFile } = await authority.issue('id')
    const server = createServer({ key: await readFile(keyFile), cert: await readFile(certFile) }, (_, response) => response.end(JSON.stringify({ keys: [first.jwk] })))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/certs`)
    await using bed = await Bed.start(url, () => 0.5, await readFile(authority.certFile))
    await bed.fetched(1)
    expect(bed.lines).toEqual([])
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    folder = await mkdtemp(join(top, 'store-'))
    for (const ca of [null, await readFile(stranger.certFile), Buffer.alloc(0)]) {
      await using wary = await Bed.start(url, () => 0.5, ca)
      await wary.failed(1)
      await expect(wary.login(first)).rejects.toMatchObject({ why: NO_SUCH_KEY })
    }
    server.close()
  })
})

describe('rotation', () => {
  it('a token with a new key brings the new set at once; the old key is gone with the old set', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    server.give(second)
    await expect(bed.login(second)).resolves.toMatchObject({ username: 'u' })
    expect(server.requests).toBe(2)
    await expect(bed.login(first)).rejects.toMatchObject({ why: NO_SUCH_KEY })
  })

  it('without such a token, the next fetch brings it', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    server.give(second)
    bed.clock.advance(HOUR_MS - 1)
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    expect(server.requests).toBe(1)
    bed.clock.advance(1)
    await bed.fetched(2)
    expect(server.requests).toBe(2)
    await expect(bed.login(second)).resolves.toMatchObject({ username: 'u' })
    expect(server.requests).toBe(2)
  })

  it('made-up key names make the gateway fetch once in 30 s, not more', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    const made = async (i: number): Promise<unknown> => bed.login(second, { kid: `made-up-${i}` }).catch((error: unknown) => error)
    for (const error of await Promise.all(Array.from({ length: 100 }, (_, i) => made(i)))) expect(error).toMatchObject({ why: NO_SUCH_KEY })
    expect(server.requests).toBe(2)
    for (let i = 0; i < 20; i++) await made(i)
    bed.clock.advance(29_999)
    await made(0)
    expect(server.requests).toBe(2)
    bed.clock.advance(1)
    await made(0)
    expect(server.requests).toBe(3)
    await expect(bed.login(first), 'nobody else is troubled').resolves.toMatchObject({ username: 'u' })
  })

  it('who has a known key does not wait for a fetch under way; who has not waits 5 s', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    server.answer = () => {} // for ever
    const waiting = bed.login(second).catch((error: unknown) => error)
    await until(() => server.requests === 2, 'the fetch')
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    bed.clock.advance(5000)
    expect(await waiting).toMatchObject({ why: NO_SUCH_KEY })
    bed.clock.advance(5000)
    await bed.failed(1)
    expect(bed.lines).toEqual([expect.stringMatching(/^warn: .*the last keys stay in use; check the link.*no whole answer came within 10 s/)])
  })

  it('not more than 256 logins wait at once', async () => {
    await using server = await KeyServer.start()
    server.answer = () => {} // for ever
    await using bed = await Bed.start(server.url)
    const token = await bed.token(first)
    const waiting = Array.from({ length: 257 }, () => bed.tokens.identify(token, '').catch((error: unknown) => error))
    expect(await Promise.race(waiting)).toMatchObject({ reason: Reason.serverBusy, counter: 'refusedLoginsBusy' })
    bed.clock.advance(5000)
    const answers = await Promise.all(waiting)
    expect(answers.filter((error) => error instanceof LoginRefused)).toHaveLength(256)
  })
})

describe('a server that answers badly', () => {
  it.each([
    ['no JSON', 'this is a login page <html>'], ['cut off', '{"keys":[{"kty":"EC"'], ['nothing', ''], ['no keys', '{"keys":[]}'], ['no list', '{"keys":{}}'], ['no set', '[]'], ['null', 'null'],
    ['secrets only', '{"keys":[{"kty":"oct","k":"AAAA"}]}'], ['too many', JSON.stringify({ keys: Array.from({ length: 65 }, () => second.jwk) })],
    ['too large', JSON.stringify({ keys: [second.jwk], pad: 'x'.repeat(300_000) })],
  ])('%s: the set that is there stays', async (_, text) => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    server.giveText(text)
    bed.nextFetch()
    await bed.failed(1)
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    expect(bed.lines).toEqual([expect.stringMatching(/^warn: the keys of an issuer of tokens cannot be fetched: the last keys stay in use; look at what the address of `jwks` answers/)])
    expect(await keptKeys()).toEqual([expect.objectContaining({ kid: 'first' })])
  })

  it.each([404, 500, 204, 301, 302, 307])('status %d: told once, counted every time, and told when it is over', async (status) => {
    await using server = await KeyServer.start()
    await using other = await KeyServer.start()
    other.give(second)
    server.answer = (_, response) => void response.writeHead(status, { location: other.url.href }).end()
    await using bed = await Bed.start(server.url)
    for (let n = 1; n <= 3; n++) {
      await bed.fetched(n)
      expect(bed.counters.refusedKeySets).toBe(n)
      if (n < 3) bed.nextFetch()
    }
    expect(other.requests).toBe(0)
    expect(bed.lines).toEqual([expect.stringMatching(/^error: the keys of an issuer of tokens cannot be fetched: there are none, and its tokens are refused; look at what/)])
    expect(bed.lines[0]).toContain(String(status))
    server.give(first)
    bed.nextFetch()
    await bed.fetched(4)
    expect(bed.lines.slice(1)).toEqual([expect.stringMatching(/^info: the keys of the issuer of tokens are fetched again/)])
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
  })

  it('an answer that never ends is cut off after 10 s', async () => {
    await using server = await KeyServer.start()
    server.answer = (_, response) => void response.writeHead(200).write('{"keys":[')
    await using bed = await Bed.start(server.url)
    await until(() => server.requests === 1, 'the fetch')
    bed.clock.advance(9999)
    expect(bed.counters.refusedKeySets).toBe(0)
    bed.clock.advance(1)
    await bed.failed(1)
  })

  it('an answer that stops in the middle is none', async () => {
    await using server = await KeyServer.start()
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write(JSON.stringify({ keys: [first.jwk] }), () => response.destroy())
    }
    await using bed = await Bed.start(server.url)
    await bed.failed(1)
    expect(bed.lines).toEqual([expect.stringMatching(/check the link/)])
  })
})

describe('a server that is gone', () => {
  it('the last set serves for weeks, also after restarts; when the server is back its new set does', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    {
      await using bed = await Bed.start(server.url)
      await bed.fetched(1)
      await server.goAway()
      bed.nextFetch()
      await bed.failed(1)
      await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    }
    for (let restart = 0; restart < 2; restart++) {
      await using bed = await Bed.start(server.url)
      await expect(bed.login(first), 'at once, from flash').resolves.toMatchObject({ username: 'u' })
      await bed.fetched(1)
      expect(bed.lines).toEqual([expect.stringMatching(/^warn: .*the last keys stay in use; check the link/)])
      for (let n = 2; n <= 30; n++) {
        bed.nextFetch()
        await bed.fetched(n)
      }
      expect(bed.counters.refusedKeySets).toBe(30)
      expect(bed.lines).toHaveLength(1)
      bed.clock.wallOffsetMs += 21 * 24 * HOUR_MS
      await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    }
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    server.give(second)
    await server.comeBack()
    bed.nextFetch()
    await bed.fetched(2)
    await expect(bed.login(second)).resolves.toMatchObject({ username: 'u' })
    await expect(bed.login(first)).rejects.toMatchObject({ why: NO_SUCH_KEY })
  })

  it('is asked less and less often', async () => {
    await using server = await KeyServer.start()
    const url = server.url
    await server.goAway()
    await using bed = await Bed.start(url)
    for (let n = 1; n < 8; n++) {
      await bed.fetched(n)
      bed.nextFetch()
    }
    await bed.fetched(8)
    expect(bed.clock.putOffMs).toEqual([15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000])
  })

  it('without any set its tokens are refused, and that is said', async () => {
    await using server = await KeyServer.start()
    const url = server.url
    await server.goAway()
    await using bed = await Bed.start(url)
    await expect(bed.login(first)).rejects.toMatchObject({ why: NO_SUCH_KEY })
    expect(bed.lines).toEqual([expect.stringMatching(/^error: .*there are none, and its tokens are refused; check the link/)])
  })
})

describe('what is on flash', () => {
  it.each([['cut off', (good: string) => good.slice(0, 50)], ['empty', () => ''], ['larger than it may be', (good: string) => good.padEnd(600_000)]])('%s: it is not used, and the next good set takes its place', async (_, damage) => {
    await using server = await KeyServer.start()
    server.give(first)
    {
      await using bed = await Bed.start(server.url)
      await bed.fetched(1)
    }
    const file = join(folder, (await kept())[0]!)
    const good = await readFile(file, 'utf8')
    await writeFile(file, damage(good))
    await using bed = await Bed.start(server.url)
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    expect(bed.lines).toEqual([expect.stringMatching(/^warn: the last keys of an issuer of tokens cannot be read/)])
    await bed.fetched(1)
    expect(await readFile(file, 'utf8')).toBe(good)
  })

  it('is of one address only', async () => {
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await bed.fetched(1)
    await server.goAway()
    await using other = await Bed.start(new URL('/other', server.url))
    await expect(other.login(first)).rejects.toMatchObject({ why: NO_SUCH_KEY })
  })

  it('a folder that cannot be written to is told once, and the keys serve', async () => {
    folder = join(folder, 'gone')
    await using server = await KeyServer.start()
    server.give(first)
    await using bed = await Bed.start(server.url)
    await expect(bed.login(first)).resolves.toMatchObject({ username: 'u' })
    await bed.fetched(1)
    bed.nextFetch()
    await bed.fetched(2)
    expect(bed.lines).toEqual([expect.stringMatching(/^warn: the keys of an issuer of tokens cannot be kept/)])
  })
})

it('nothing goes on after stop', async () => {
  await using server = await KeyServer.start()
  server.answer = () => {}
  const bed = await Bed.start(server.url)
  await until(() => server.requests === 1, 'the fetch')
  const waiting = bed.login(first).catch((error: unknown) => error)
  bed.tokens.stop()
  expect(await waiting).toMatchObject({ why: NO_SUCH_KEY })
  await until(() => bed.clock.pending === 0, 'the end of all timers')
  expect(bed.counters.refusedKeySets).toBe(0)
  expect(bed.lines).toEqual([])
})
