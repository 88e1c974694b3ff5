// Tokens as proof: every kind of key, times at their edges, and what an attacker would try.
import { createHmac, createSecretKey, randomBytes, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Tokens } from '../../../src/access/token.ts'
import type { Identity } from '../../../src/access/identity.ts'
import type { TokenConfig } from '../../../src/config/config.ts'
import { Counters } from '../../../src/counters.ts'
import { LimitExceeded, LoginRefused, ProtocolError, Reason } from '../../../src/mqtt/reason.ts'
import { keysOfPem, secretKey, TOKEN_ALGORITHMS, type VerificationKey } from '../../../src/keys/verification-keys.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { forged, IssuerKey, signed } from '../../support/token-issuer.ts'

const ISSUER = 'https://id.example.com'
const rsa = new IssuerKey('rsa-1', 'RSA')
const p256 = new IssuerKey('p256-1', 'P-256')
const p384 = new IssuerKey('p384-1', 'P-384')
const p521 = new IssuerKey('p521-1', 'P-521')
const ed = new IssuerKey('ed-1', 'Ed25519')
const stranger = new IssuerKey('rsa-1', 'RSA')
const SECRET = randomBytes(64)

function configOf(keys: readonly VerificationKey[], more: Partial<TokenConfig> = {}): TokenConfig {
  return {
    issuer: ISSUER, audiences: null, keys: { kind: 'fixed', keys }, algorithms: TOKEN_ALGORITHMS, clockToleranceMs: 30_000,
    username: 'sub', tenant: null, roles: [], keycloak: null, scopes: null, permissions: null, ...more,
  }
}

class Bed {
  readonly clock = new FakeClock()
  readonly counters = new Counters()
  readonly lines: string[] = []
  readonly tokens: Tokens

  constructor(...configs: readonly TokenConfig[]) {
    const log = (fields: object, text: string): void => void this.lines.push(`${JSON.stringify(fields)} ${text}`)
    this.tokens = new Tokens(configs, { clock: this.clock, counters: this.counters, log: { debug: log, info: log, warn: log, error: log }, folder: '/nowhere' })
  }

  /** Claims that are in order for an hour. */
  claims(more: object = {}): Record<string, unknown> {
    const sec = Math.floor(this.clock.wall() / 1000)
    return { iss: ISSUER, sub: 'pump-7', iat: sec, exp: sec + 3600, ...more }
  }

  identify(token: Buffer): Promise<Identity> {
    return this.tokens.identify(token, '')
  }

  /** Why it is refused. The error and the log have no part of the token in them. */
  async whyNot(token: Buffer): Promise<string> {
    const error: unknown = await this.identify(token).then(() => null, (refused: unknown) => refused)
    if (!(error instanceof LoginRefused)) throw new Error('not refused', { cause: error })
    expect(error.reason).toBe(Reason.badUserNameOrPassword)
    const said = [error.message, error.why, ...this.lines].join('\n')
    for (const part of token.toString().split('.')) if (part.length > 8) expect(said).not.toContain(part)
    return error.why.replace('the token is refused: ', '')
  }
}

const all = (): Bed => new Bed(configOf([rsa, p256, p384, p521, ed].map((key) => key.forChecking)))

describe('every algorithm', () => {
  it.each([
    ['RS256', rsa], ['RS384', rsa], ['RS512', rsa], ['PS256', rsa], ['PS384', rsa], ['PS512', rsa],
    ['ES256', p256], ['ES384', p384], ['ES512', p521], ['EdDSA', ed], ['Ed25519', ed],
  ] as const)('%s', async (algorithm, key) => {
    const bed = all()
    const token = await signed(bed.claims(), algorithm, key.privateKey, { kid: key.id })
    await expect(bed.identify(token)).resolves.toMatchObject({ username: 'pump-7', by: 'token', tenant: '' })
    await expect(bed.identify(await signed(bed.claims(), algorithm, key.privateKey))).resolves.toMatchObject({ username: 'pump-7' })
    const other = new IssuerKey(key.id, key.kind)
    expect(await bed.whyNot(await signed(bed.claims(), algorithm, other.privateKey, { kid: key.id }))).toBe('its signature is not of its issuer')
  })

  it.each(['HS256', 'HS384', 'HS512'])('%s', async (algorithm) => {
    const bed = new Bed(configOf([secretKey(SECRET)]))
    await expect(bed.identify(await signed(bed.claims(), algorithm, SECRET, { kid: 'any' }))).resolves.toMatchObject({ username: 'pump-7' })
    expect(await bed.whyNot(await signed(bed.claims(), algorithm, randomBytes(64)))).toBe('its signature is not of its issuer')
  })

  it('of which the configuration may take fewer', async () => {
    const bed = new Bed(configOf([rsa.forChecking], { algorithms: ['PS256'] }))
    await expect(bed.identify(await signed(bed.claims(), 'PS256', rsa.privateKey))).resolves.toMatchObject({ username: 'pump-7' })
    expect(await bed.whyNot(await signed(bed.claims(), 'RS256', rsa.privateKey))).toBe('its algorithm (alg) is not accepted here')
  })

  it('a key that its issuer uses for one algorithm serves no other', async () => {
    const bed = new Bed(configOf([{ ...rsa.forChecking, algorithm: 'RS256' }]))
    await expect(bed.identify(await signed(bed.claims(), 'RS256', rsa.privateKey))).resolves.toMatchObject({ username: 'pump-7' })
    expect(await bed.whyNot(await signed(bed.claims(), 'PS256', rsa.privateKey))).toBe('its issuer has no such key (kid, alg)')
  })
})

// Made once by Python's hmac and by openssl: {"iss": "https://id.example.com", "sub": "pump-7", "aud": "sandpiper", "exp": 4102444800}
describe('known answers of others', () => {
  const body = 'eyJpc3MiOiAiaHR0cHM6Ly9pZC5leGFtcGxlLmNvbSIsICJzdWIiOiAicHVtcC03IiwgImF1ZCI6ICJzYW5kcGlwZXIiLCAiZXhwIjogNDEwMjQ0NDgwMH0'
  const audiences = ['sandpiper']

  it('HS256', async () => {
    const bed = new Bed(configOf([secretKey(Buffer.from('a shared secret of forty bytes, for tests'))], { audiences }))
    const token = `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${body}.GpMdNpDPpBjfrpr6-HHdlJp8j5oXS0tNLdAvWR9CRbY`
    await expect(bed.identify(Buffer.from(token))).resolves.toMatchObject({ username: 'pump-7', endsAtMs: 4_102_444_800_000 + 30_000 - bed.clock.wallOffsetMs })
    expect(await bed.whyNot(Buffer.from(token.replace('.GpM', '.GpN')))).toBe('its signature is not of its issuer')
  })

  it('RS256', async () => {
    const pem = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy9Cei68PXyRSxsZvhqXY
GiMnyVqFuRzIEmRML4IIknjIVT97VgXStPnE87gwB00vSQE9KL/qYHxOf2uxueuk
hA87HjETGptn7myGcoGDCL1OH8bPgIbQe0X9cl2krfat1iHfm1MJ6dLTuU1QmXH3
wjxwGYWjPKQij8VX29iPMl65nEEFPdV2YE/4RoLDBqSxANXJ5fAyNzOlO3xfA0il
lXF6rI8iE9/pYaqUsr7Uv6e/0u+ggJl8w5bIDaS1EhLmP8RN+Fh8THjgwqLETM6M
WfLwH1gZvD9C+AVq3z3jwYzNlUhSgHGH8T1Gu4tilgRZD7De5+qYwYIkqKf9Rd/e
BQIDAQAB
-----END PUBLIC KEY-----
`
    const bed = new Bed(configOf(keysOfPem(pem), { audiences }))
    const signature =
      'fAPRLLn5fPmO-68fJn43urPGQ_lJLNioBF9kWgJ9OtGulSnH_v8IAN6EqnZ1RD8Af-q2b-_fz7Hl_PAWeCkyvjnzCSDZLxD1lG8FTTScsQqSZaNkOiSRGK7W39xWqH16R7gMQijU1kWff3lrPHvMOZ6s5bcyyNnAoC_7H1ZcvyskmQCUFZA2iKn6QXRWh39' +
      'cxg_PkYKmO-OKD7IOYc5oIJ0Cxr29FBMTaHYRRUI1h2K9vld-9P71ULahnu5N2gjaN7v4xCUCcfMXUFLLBCaNRlajz0KlWeyD8zWOTzZx9SPhzEUDGjnDA4tQVSebdhMYjQCidqDNttp_SbnakUT9uw'
    await expect(bed.identify(Buffer.from(`eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.${body}.${signature}`))).resolves.toMatchObject({ username: 'pump-7' })
  })
})

describe('times', () => {
  const bedOf = (clockToleranceMs: number): { bed: Bed; at: (claims: object) => Promise<Buffer>; sec: number } => {
    const bed = new Bed(configOf([ed.forChecking], { clockToleranceMs }))
    return { bed, at: (claims) => signed({ iss: ISSUER, sub: 'u', ...claims }, 'EdDSA', ed.privateKey), sec: Math.floor(bed.clock.wall() / 1000) }
  }

  it('a token serves until its end and the tolerance, and no millisecond longer, however often it was used before', async () => {
    const { bed, at, sec } = bedOf(30_000)
    const token = await at({ exp: sec + 60 })
    expect((await bed.identify(token)).endsAtMs).toBe(bed.clock.now() + 90_000)
    bed.clock.advance(89_999)
    expect((await bed.identify(token)).endsAtMs).toBe(bed.clock.now() + 1)
    bed.clock.advance(1)
    expect(await bed.whyNot(token)).toBe('it has ended (exp)')
    bed.clock.advance(1_000_000)
    expect(await bed.whyNot(token)).toBe('it has ended (exp)')
  })

  it('without tolerance until its end', async () => {
    const { bed, at, sec } = bedOf(0)
    const token = await at({ exp: sec + 60 })
    bed.clock.advance(59_999)
    await expect(bed.identify(token)).resolves.toMatchObject({ endsAtMs: bed.clock.now() + 1 })
    bed.clock.advance(1)
    expect(await bed.whyNot(token)).toBe('it has ended (exp)')
  })

  it('its end is on the clock that does not jump', async () => {
    const { bed, at, sec } = bedOf(0)
    bed.clock.wallOffsetMs -= 10_000
    expect((await bed.identify(await at({ exp: sec + 60 }))).endsAtMs).toBe(bed.clock.now() + 70_000)
  })

  it('not before, and not from the future', async () => {
    const { bed, at, sec } = bedOf(30_000)
    const exp = sec + 3600
    await expect(bed.identify(await at({ exp, nbf: sec + 30, iat: sec + 30 }))).resolves.toMatchObject({ username: 'u' })
    expect(await bed.whyNot(await at({ exp, nbf: sec + 31 }))).toBe('its claim nbf does not fit')
    expect(await bed.whyNot(await at({ exp, iat: sec + 31 }))).toMatch(/^it is from the future \(iat\)/)
  })

  it('no end, or times that are no numbers: refused', async () => {
    const { bed, at, sec } = bedOf(0)
    expect(await bed.whyNot(await at({}))).toBe('it has no claim exp')
    for (const claims of [{ exp: String(sec + 60) }, { exp: null }, { exp: sec + 60, nbf: 'x' }, { exp: sec + 60, iat: true }]) {
      expect(await bed.whyNot(forgedBy(ed, 'EdDSA', { iss: ISSUER, sub: 'u', ...claims }))).toMatch(/^its claim (exp|nbf|iat) does not fit$/)
    }
  })

  it('nothing is checked while the clock is not set', async () => {
    const { bed, at, sec } = bedOf(0)
    const token = await at({ exp: sec + 60 })
    bed.clock.wallOffsetMs = 0
    await expect(bed.identify(token)).rejects.toMatchObject({ reason: Reason.serverUnavailable })
  })
})

/** Signed, with claims that jose would not sign. */
function forgedBy(key: IssuerKey, algorithm: string, claims: object | string, header: object = {}): Buffer {
  const unsigned = forged({ alg: algorithm, ...header }, claims).subarray(0, -1)
  const signature = key.kind === 'RSA' ? sign('sha256', unsigned, key.privateKey) : sign(null, unsigned, key.privateKey)
  return Buffer.concat([unsigned, Buffer.from(`.${signature.toString('base64url')}`)])
}

describe('audience', () => {
  it.each([
    [undefined, false], ['sandpiper', true], ['other', false], [['other', 'sandpiper'], true], [['other'], false], [[], false], [5, false], [null, false], ['Sandpiper', false], [['x', 'second'], true],
  ])('%j: %s', async (aud, accepted) => {
    const bed = new Bed(configOf([ed.forChecking], { audiences: ['sandpiper', 'second'] }))
    const token = forgedBy(ed, 'EdDSA', bed.claims({ aud }))
    if (accepted) await expect(bed.identify(token)).resolves.toMatchObject({ username: 'pump-7' })
    else expect(await bed.whyNot(token)).toMatch(/aud/)
  })
})

describe('attacks', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', ''])('alg "%s"', async (alg) => {
    const bed = all()
    expect(await bed.whyNot(forged({ alg }, bed.claims()))).toBe('its algorithm (alg) is not accepted here')
    expect(await bed.whyNot(forged({ alg, kid: rsa.id }, bed.claims(), 'x'))).toBe('its algorithm (alg) is not accepted here')
  })

  it('no alg, and one that is no text', async () => {
    const bed = all()
    for (const header of [{}, { alg: null }, { alg: ['RS256'] }, { alg: 5 }]) expect(await bed.whyNot(forged(header, bed.claims(), 'x'))).toBe('it names no algorithm (alg)')
  })

  it('a signature taken away', async () => {
    const bed = all()
    const token = (await signed(bed.claims(), 'RS256', rsa.privateKey)).toString()
    expect(await bed.whyNot(Buffer.from(token.slice(0, token.lastIndexOf('.') + 1)))).toBe('its signature is not of its issuer')
  })

  it('claims changed under their signature', async () => {
    const bed = all()
    const [header, , signature] = (await signed(bed.claims(), 'RS256', rsa.privateKey)).toString().split('.')
    expect(await bed.whyNot(Buffer.from(`${header}.${Buffer.from(JSON.stringify(bed.claims({ sub: 'admin' }))).toString('base64url')}.${signature}`))).toBe('its signature is not of its issuer')
  })

  describe('key confusion: an HMAC whose secret is the public key', () => {
    const forms: Record<string, Buffer> = {
      PEM: Buffer.from(rsa.publicKey.export({ format: 'pem', type: 'spki' })),
      'PEM without its last line end': Buffer.from(rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString().trim()),
      'PEM, PKCS#1': Buffer.from(rsa.publicKey.export({ format: 'pem', type: 'pkcs1' })),
      DER: rsa.publicKey.export({ format: 'der', type: 'spki' }),
      'DER, PKCS#1': rsa.publicKey.export({ format: 'der', type: 'pkcs1' }),
      JWK: Buffer.from(JSON.stringify(rsa.jwk)),
      modulus: Buffer.from(String(rsa.jwk['n'])),
    }
    it.each(Object.keys(forms))('%s', async (form) => {
      for (const [algorithm, hash] of [['HS256', 'sha256'], ['HS384', 'sha384'], ['HS512', 'sha512']] as const) {
        const bed = new Bed(configOf([rsa.forChecking])) // every algorithm is in its list
        for (const kid of [undefined, rsa.id]) {
          const unsigned = forged({ alg: algorithm, kid }, bed.claims()).toString().slice(0, -1)
          const token = Buffer.from(`${unsigned}.${createHmac(hash, forms[form]!).update(unsigned).digest('base64url')}`)
          expect(await bed.whyNot(token)).toBe('its issuer has no such key (kid, alg)')
        }
      }
    })

    it('a secret is no public key either', async () => {
      const bed = new Bed(configOf([secretKey(SECRET)]))
      expect(await bed.whyNot(await signed(bed.claims(), 'RS256', rsa.privateKey))).toBe('its issuer has no such key (kid, alg)')
    })
  })

  describe('two issuers', () => {
    const other = new IssuerKey('other-1', 'RSA')
    const two = (): Bed => new Bed(configOf([rsa.forChecking]), configOf([other.forChecking], { issuer: 'https://other.example.com', username: 'name' }))

    it('each with its own keys and its own claims', async () => {
      const bed = two()
      await expect(bed.identify(await signed(bed.claims(), 'RS256', rsa.privateKey))).resolves.toMatchObject({ username: 'pump-7' })
      const claims = bed.claims({ iss: 'https://other.example.com', name: 'n' })
      await expect(bed.identify(await signed(claims, 'RS256', other.privateKey))).resolves.toMatchObject({ username: 'n' })
    })

    it('one does not speak for the other, whatever kid it names', async () => {
      const bed = two()
      for (const kid of [undefined, rsa.id, other.id]) {
        const why = await bed.whyNot(await signed(bed.claims(), 'RS256', other.privateKey, kid === undefined ? {} : { kid }))
        expect(why).toBe(kid === other.id ? 'its issuer has no such key (kid, alg)' : 'its signature is not of its issuer')
      }
    })

    it.each([['https://third.example.com'], [`${ISSUER}/`], [undefined], [null], [[ISSUER]], [''], [5]])('%j is neither', async (iss) => {
      const bed = two()
      expect(await bed.whyNot(forgedBy(rsa, 'RS256', bed.claims({ iss })))).toBe('its issuer (iss) is not one of access.tokens')
    })
  })

  it('one entry without issuer takes the tokens of its keys, whatever they say', async () => {
    const bed = new Bed(configOf([rsa.forChecking], { issuer: null }))
    await expect(bed.identify(await signed(bed.claims({ iss: 'x' }), 'RS256', rsa.privateKey))).resolves.toMatchObject({ username: 'pump-7' })
    expect(await bed.whyNot(await signed(bed.claims(), 'RS256', stranger.privateKey))).toBe('its signature is not of its issuer')
  })

  it.each([['jwk', stranger.jwk], ['jku', 'http://127.0.0.1:1/keys'], ['x5u', 'http://127.0.0.1:1/cert'], ['x5c', ['MIIB']]])('a key of its own in the header: %s', async (member, value) => {
    const bed = all()
    const header = { [member]: value, kid: rsa.id }
    expect(await bed.whyNot(await signed(bed.claims(), 'RS256', stranger.privateKey, header))).toBe('its signature is not of its issuer')
    await expect(bed.identify(await signed(bed.claims(), 'RS256', rsa.privateKey, header)), 'and is not read').resolves.toMatchObject({ username: 'pump-7' })
  })

  it.each([[['exp']], [['b64']], [[]], ['x'], [null]])('crit %j', async (crit) => {
    const bed = all()
    expect(await bed.whyNot(forgedBy(rsa, 'RS256', bed.claims(), { crit, b64: false }))).toBe('it has extensions that must be understood (crit), and none is')
  })

  it.each([[5], [{}], [['rsa-1']], [true]])('kid %j', async (kid) => {
    const bed = all()
    expect(await bed.whyNot(forgedBy(rsa, 'RS256', bed.claims(), { kid }))).toBe('its kid is no text')
  })

  it.each(['__proto__', 'constructor', '../../etc/passwd', '', "' or 1=1"])('kid "%s"', async (kid) => {
    const bed = all()
    expect(await bed.whyNot(forgedBy(rsa, 'RS256', bed.claims(), { kid }))).toBe('its issuer has no such key (kid, alg)')
  })

  it('a token of 1 MB costs nothing', async () => {
    const bed = all()
    expect(await bed.whyNot(Buffer.alloc(1_000_000, 'a'))).toBe('it is longer than 16384 bytes')
    expect(await bed.whyNot(await signed(bed.claims({ x: 'x'.repeat(20_000) }), 'RS256', rsa.privateKey))).toBe('it is longer than 16384 bytes')
    await expect(bed.identify(await signed(bed.claims({ x: 'x'.repeat(11_000) }), 'RS256', rsa.privateKey))).resolves.toMatchObject({ username: 'pump-7' })
  })

  it('deep JSON', async () => {
    const bed = all()
    const deep = `{"iss":"${ISSUER}","sub":"u","exp":4102444800,"a":${'['.repeat(5000)}${']'.repeat(5000)}}`
    expect(await bed.whyNot(forgedBy(rsa, 'RS256', deep))).toBe('its claims are nested more than 16 levels deep')
    expect(await bed.whyNot(forged(`${'['.repeat(5000)}${']'.repeat(5000)}`, bed.claims(), 'x'))).toBe('its header is no JSON object')
  })

  it.each([
    ['nothing', ''], ['a password', 'secret'], ['two parts', 'eyJ9.eyJ9'], ['five parts, encrypted', 'eyJ9.a.b.c.d'], ['blanks', 'eyJ9. .a'], ['base64', 'ey+/.eyJ9.a'],
  ])('%s', async (_, text) => expect(await all().whyNot(Buffer.from(text))).toBe('it is no signed token of three parts'))

  it('what is no JSON, or no object', async () => {
    const bed = all()
    expect(await bed.whyNot(forged('{"alg":"RS256"', bed.claims(), 'x'))).toBe('its header is no JSON')
    expect(await bed.whyNot(forged({ alg: 'RS256' }, 'not json at all', 'x'))).toBe('its body is no JSON')
    for (const body of ['null', '[]', '"x"', '5']) expect(await bed.whyNot(forged({ alg: 'RS256' }, body, 'x'))).toBe('its body is no JSON object')
  })

  it('a claim twice: the one that was checked is the one that counts', async () => {
    const bed = new Bed(configOf([rsa.forChecking]))
    const body = `{"iss":"https://evil.example.com","sub":"a","exp":4102444800,"iss":"${ISSUER}","sub":"b"}`
    await expect(bed.identify(forgedBy(rsa, 'RS256', body))).resolves.toMatchObject({ username: 'b' })
  })

  it('an RSA key that is too short to be trusted is in no set', () => {
    const weak = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDdlatRjRjogo3WojgGHFHYLugd
UWAY9iR3fy4arWNA1KoS8kVw33cJibXr8bvwUAUparCwlvdbH6dvEOfou0/gCFQs
HUfQrSDv+MuSUMAe8jzKE4qW+jK+xQU9a03GUnKHkkle+Q0pX/g6jXZ7r1/xAK5D
o2kQ+X5xK9cipRgEKwIDAQAB
-----END PUBLIC KEY-----`
    expect(() => keysOfPem(weak)).toThrow('it holds a key that no token can be checked with (rsa, 1024 bits)')
  })
})

describe('looksLikeToken', () => {
  const { tokens } = new Bed()
  it.each([
    ['eyJhbGciOiJIUzI1NiJ9.e30.x', true], ['eyJhbGciOiJub25lIn0.e30.', true], ['eyAiYWxnIjoi.e30.x', true],
    ['', false], ['ey', false], ['eyebrow', false], ['eye.brow', false], ['abc.def.ghi', false], ['ey.a b.c', false], ['eyJ9.a.b.c', false], ['eyJ9..b', false], [`ey${'.'.repeat(60_000)}`, false],
  ])('%s: %s', (text, looks) => expect(tokens.looksLikeToken(Buffer.from(text))).toBe(looks))
})

describe('many at once', () => {
  it('all get their turn', async () => {
    const bed = all()
    const token = await signed(bed.claims(), 'ES256', p256.privateKey)
    const known = await Promise.all(Array.from({ length: 500 }, () => bed.identify(token)))
    expect(known.every((identity) => identity.username === 'pump-7')).toBe(true)
  })

  it('more than 4,098 are too many, and the line empties', async () => {
    const bed = new Bed(configOf([secretKey(SECRET)]))
    const token = await signed(bed.claims(), 'HS256', createSecretKey(SECRET))
    const settled = await Promise.allSettled(Array.from({ length: 4100 }, () => bed.identify(token)))
    const refused = settled.filter((s) => s.status === 'rejected').map((s) => s.reason as unknown)
    expect(refused).toHaveLength(2)
    expect(refused[0]).toBeInstanceOf(LimitExceeded)
    expect(refused[0]).toMatchObject({ reason: Reason.serverBusy, counter: 'refusedLoginsBusy' })
    await expect(bed.identify(token)).resolves.toMatchObject({ username: 'pump-7' })
  })
})

describe('enhanced authentication', () => {
  it('one step with the token as its data, in the tenant of the listener', async () => {
    const bed = all()
    const step = await bed.tokens.exchange('site-a').next(await signed(bed.claims(), 'ES256', p256.privateKey))
    expect(step).toMatchObject({ data: null, identity: { username: 'pump-7', tenant: 'site-a', by: 'token' } })
  })

  it.each([[null], [Buffer.alloc(0)], [Buffer.from('password')]])('%j: refused with 0x87 [MQTT-4.12.0-4]', async (data) => {
    const error = await all().tokens.exchange('').next(data).catch((refused: unknown) => refused)
    expect(error).toBeInstanceOf(ProtocolError)
    expect(error).toMatchObject({ reason: Reason.notAuthorized })
  })

  it('is over after its step', async () => {
    const bed = all()
    const token = await signed(bed.claims(), 'ES256', p256.privateKey)
    const exchange = bed.tokens.exchange('')
    await exchange.next(token)
    await expect(exchange.next(token)).rejects.toMatchObject({ reason: Reason.notAuthorized, why: 'the exchange is over' })
  })
})
