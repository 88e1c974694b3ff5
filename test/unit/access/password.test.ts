// Checking passwords: right answers from known ones, the same work for everybody, and as many at once as may be.
import { describe, expect, test } from 'vitest'
import { derive, type Derive, hashPassword, Passwords } from '../../../src/access/password.ts'
import type { PasswordConfig, UserConfig } from '../../../src/config/config.ts'
import { formatPasswordHash, isFlaw, parsePasswordHash, plainPassword } from '../../../src/config/password-hash.ts'
import { LimitExceeded, Reason } from '../../../src/mqtt/reason.ts'
import { settle } from '../../support/fake-clock.ts'

const PASSWORD = 'pa ss:wörd'

/** Made by Python: hashlib.pbkdf2_hmac, hashlib.sha512, and argon2id; the fifth is of argon2's reference implementation. */
const KNOWN: readonly (readonly [what: string, password: string, hash: string])[] = [
  ['$7$, 101 iterations', PASSWORD, '$7$101$AAECAwQFBgcICQoL$PqvF1z1C6cYEIJQkXLtvAAAxqP9SfBBlotGyZstDo4I0cFBODoK5J6ctlDgC7UoPM9jRcPLSQYyMamKQB1rw+A=='],
  ['$7$, 1,000 iterations, a long salt', PASSWORD, '$7$1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==$zoj6MeCbMzbcFTW41mqT5FBHlB1TfnHrSh0q12d/SjT0xWGnXpPB/MbLm44PJyuouphd2QO0ER4wwN37zQEQNw=='],
  ['$6$', PASSWORD, '$6$ZGVmZ2hpamtsbW5v$tALyz4BpT+8+Qrk+wYXDNogtLwUTfDz7DSMQUwMTa/zXxzyoqAZR8CAxo1YpFQiYkWUzHPQ5Hygj6lkrXmOIsA=='],
  ['argon2id, as Mosquitto 2.1 has it', PASSWORD, '$argon2id$v=19$m=47104,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$2vSUkR7PdyjqA4SdZrKwPvlO894RbUrv4XMhUUU6joc'],
  ['argon2id, the reference', 'password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
  ['argon2id, two lanes, 64 bytes', PASSWORD, '$argon2id$v=19$m=256,t=3,p=2$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw$Ua8B4PF+uaqOyG43JoHjSkEjVskN9GMlofOONWe52D5ZaRd9gHlBXnM2wv+dRPKoYrcxaELwgLc1BosfSTs6BA'],
]

function kept(text: string): PasswordConfig {
  const hash = parsePasswordHash(text)
  if (isFlaw(hash)) throw new Error(hash.message)
  return hash
}

const PLAIN = plainPassword(Buffer.from(PASSWORD))
const PBKDF2 = kept(KNOWN[0]![2])
const SHA512 = kept(KNOWN[2]![2])
const ARGON2ID = kept(KNOWN[5]![2])

function user(name: string, password: PasswordConfig | null): UserConfig {
  return { name, password, tenant: '', roles: [] }
}

describe('known answers', () => {
  test.each(KNOWN)('%s', async (_, password, hash) => {
    const known = kept(hash)
    const passwords = new Passwords([user('a', known)])
    const check = (given: string | null): Promise<boolean> => passwords.check({ username: 'a', known, given: given === null ? null : Buffer.from(given) })
    expect(await check(password)).toBe(true)
    for (const wrong of [`${password} `, password.slice(0, -1), '', null]) expect(await check(wrong)).toBe(false)
  })

  test('a password as it is', async () => {
    const passwords = new Passwords([user('a', PLAIN)])
    for (const [given, right] of [[PASSWORD, true], ['x', false], ['', false], [null, false]] as const) {
      expect(await passwords.check({ username: 'a', known: PLAIN, given: given === null ? null : Buffer.from(given) })).toBe(right)
    }
  })

  test('no password is not an empty one', async () => {
    const salt = Buffer.alloc(12)
    const known = { kind: 'sha512', salt, hash: await derive(Buffer.alloc(0), { kind: 'sha512', salt, hash: Buffer.alloc(64) }) } as const
    const passwords = new Passwords([user('a', known)])
    expect(await passwords.check({ username: 'a', known, given: Buffer.alloc(0) })).toBe(true)
    expect(await passwords.check({ username: 'a', known, given: null })).toBe(false)
  })

  test('RFC 9106 section 5.3', () => {
    const { argon2Sync } = process.getBuiltinModule('node:crypto')
    const of = (byte: number, length: number): Buffer => Buffer.alloc(length, byte)
    const tag = argon2Sync('argon2id', { message: of(1, 32), nonce: of(2, 16), secret: of(3, 8), associatedData: of(4, 12), passes: 3, memory: 32, parallelism: 4, tagLength: 32 })
    expect(tag.toString('hex')).toBe('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
  })

  test('a new hash: argon2id, a salt of its own, right for its password only', async () => {
    const [one, two] = [await hashPassword(Buffer.from(PASSWORD)), await hashPassword(Buffer.from(PASSWORD))]
    expect(one).toMatchObject({ kind: 'argon2id', memoryKiB: 12_288, passes: 3, parallelism: 1, salt: { length: 16 }, hash: { length: 32 } })
    expect(one.salt.equals(two.salt)).toBe(false)
    expect(one.hash.equals(two.hash)).toBe(false)
    const known = kept(formatPasswordHash(one))
    expect(await derive(Buffer.from(PASSWORD), known)).toEqual(one.hash)
    expect(await derive(Buffer.from('x'), known)).not.toEqual(one.hash)
  })
})

/** Passwords whose work is counted, and done when the test says so. */
class Bench {
  /** What was derived, and against what. */
  readonly work: { readonly given: string; readonly kept: PasswordConfig }[] = []
  readonly #open: (() => void)[] = []
  readonly passwords: Passwords

  constructor(users: readonly UserConfig[], options: { readonly atOnceMax?: number; readonly held?: boolean } = {}) {
    const derived: Derive = (given, like) => {
      this.work.push({ given: given.toString(), kept: like })
      if (like.kind === 'plain' || like.kind === 'sha512' || options.held !== true) return derive(given, like)
      return new Promise((resolve) => this.#open.push(() => resolve(given.toString() === 'right' ? like.hash : Buffer.alloc(like.hash.length))))
    }
    this.passwords = new Passwords(users, { derive: derived, atOnceMax: options.atOnceMax ?? 1 })
  }

  /** Lets the one that began first end. */
  async finish(): Promise<void> {
    this.#open.shift()!()
    await settle()
    await settle()
  }
}

describe('the same work', () => {
  const users = [user('a', PBKDF2), user('b', null)]

  test.each([
    ['a known user', 'a', PBKDF2, 'x'],
    ['an unknown one', 'nobody', null, 'x'],
    ['one without a password', 'b', null, 'x'],
    ['nothing given', 'a', PBKDF2, null],
    ['the right password of the one that stands in', 'nobody', null, PASSWORD],
  ])('%s: false, after one PBKDF2 of as many iterations', async (_, username, known, given) => {
    const bench = new Bench(users)
    expect(await bench.passwords.check({ username, known, given: given === null ? null : Buffer.from(given) })).toBe(false)
    expect(bench.work).toEqual([{ given: given ?? '', kept: PBKDF2 }])
  })

  test('users of several kinds: a name that nobody has is always of the same kind, and such names are spread as the users are', async () => {
    const many = [...Array.from({ length: 3 }, (_, i) => user(`p${i}`, PBKDF2)), user('s', SHA512)]
    const bench = new Bench(many)
    const given = Buffer.from('x')
    for (let i = 0; i < 400; i++) await bench.passwords.check({ username: `n${i}`, known: null, given })
    const quick = bench.work.filter(({ kept }) => kept === SHA512).length
    expect(quick).toBeGreaterThan(50)
    expect(quick).toBeLessThan(150)
    const first = bench.work.slice(0, 20).map(({ kept }) => kept.kind)
    for (let i = 0; i < 20; i++) await bench.passwords.check({ username: `n${i}`, known: null, given })
    expect(bench.work.slice(400).map(({ kept }) => kept.kind)).toEqual(first)
  })

  test('as the users are from now on', async () => {
    const bench = new Bench(users)
    bench.passwords.use([user('a', SHA512)])
    await bench.passwords.check({ username: 'nobody', known: null, given: Buffer.from('x') })
    bench.passwords.use([])
    expect(await bench.passwords.check({ username: 'nobody', known: null, given: Buffer.alloc(0) })).toBe(false)
    expect(bench.work.map(({ kept }) => kept.kind)).toEqual(['sha512', 'plain'])
  })
})

describe('as many at once as may be', () => {
  const ask = (bench: Bench, known: PasswordConfig, given = 'wrong', more: object = {}): Promise<boolean> => bench.passwords.check({ username: 'a', known, given: Buffer.from(given), ...more })
  const kinds = (bench: Bench): string[] => bench.work.map(({ kept }) => kept.kind)

  test('in their order, each with its own answer', async () => {
    const bench = new Bench([user('a', PBKDF2)], { atOnceMax: 2, held: true })
    const answers = ['right', 'wrong', 'right', 'wrong'].map((given) => ask(bench, PBKDF2, given))
    expect([bench.work.length, bench.passwords.waiting]).toEqual([2, 2])
    await bench.finish()
    expect([bench.work.length, bench.passwords.waiting]).toEqual([3, 1])
    for (let i = 0; i < 3; i++) await bench.finish()
    expect(await Promise.all(answers)).toEqual([true, false, true, false])
    expect(bench.work.map(({ given }) => given)).toEqual(['right', 'wrong', 'right', 'wrong'])
  })

  test('one that takes memory at a time, the others beside it', async () => {
    const bench = new Bench([], { atOnceMax: 3, held: true })
    const all = [ARGON2ID, ARGON2ID, ARGON2ID, PBKDF2, PBKDF2, PBKDF2].map((known) => ask(bench, known))
    expect(kinds(bench)).toEqual(['argon2id', 'pbkdf2-sha512', 'pbkdf2-sha512'])
    await bench.finish()
    expect(kinds(bench).slice(3)).toEqual(['argon2id'])
    await bench.finish()
    expect(kinds(bench).slice(4)).toEqual(['pbkdf2-sha512'])
    for (let i = 0; i < 4; i++) await bench.finish()
    expect(await Promise.all(all)).toEqual(Array.from({ length: 6 }, () => false))
    expect(kinds(bench).filter((kind) => kind === 'argon2id')).toHaveLength(3)
  })

  test('neither kind waits for all of the other', async () => {
    const bench = new Bench([], { held: true })
    void [ARGON2ID, ARGON2ID, PBKDF2, PBKDF2].map((known) => ask(bench, known))
    for (let i = 0; i < 3; i++) await bench.finish()
    expect(kinds(bench)).toEqual(['argon2id', 'pbkdf2-sha512', 'argon2id', 'pbkdf2-sha512'])
  })

  test('what is quick waits for nobody', async () => {
    const bench = new Bench([], { held: true })
    void ask(bench, PBKDF2)
    void ask(bench, PBKDF2)
    expect(await ask(bench, PLAIN, PASSWORD)).toBe(true)
    expect(await ask(bench, SHA512, PASSWORD)).toBe(true)
  })

  test('more than a thousand waiting: busy, until there is room', async () => {
    const bench = new Bench([], { held: true })
    const all = Array.from({ length: 1001 }, (_, i) => ask(bench, i % 2 === 0 ? PBKDF2 : ARGON2ID, 'right'))
    expect(bench.passwords.waiting).toBe(1000)
    const refused = await ask(bench, PBKDF2).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(LimitExceeded)
    expect(refused).toMatchObject({ reason: Reason.serverBusy, counter: 'refusedLoginsBusy' })
    await bench.finish()
    all.push(ask(bench, PBKDF2, 'right'))
    for (let i = 0; i < 1001; i++) await bench.finish()
    expect(new Set(await Promise.all(all))).toEqual(new Set([true]))
  })

  test('whose turn comes too late is not looked at; what it throws is the answer', async () => {
    const bench = new Bench([], { held: true })
    const first = ask(bench, PBKDF2)
    const gone = ask(bench, PBKDF2, 'gone', {
      begin: () => {
        throw new Error('the client has gone')
      },
    })
    const third = ask(bench, PBKDF2, 'right')
    const outcome = gone.catch((error: Error) => error.message)
    await bench.finish()
    await bench.finish() // of the third
    expect(await Promise.all([first, outcome, third])).toEqual([false, 'the client has gone', true])
    expect(bench.work.map(({ given }) => given)).toEqual(['wrong', 'right'])
  })

  test('an answer is told before the next one’s turn', async () => {
    const bench = new Bench([], { held: true })
    const order: string[] = []
    const hooks = (n: number): object => ({ begin: () => order.push(`begin ${n}`), end: (right: boolean) => order.push(`end ${n} ${right}`) })
    void ask(bench, PBKDF2, 'right', hooks(1)).then(() => order.push('told 1'))
    void ask(bench, PBKDF2, 'wrong', hooks(2))
    expect(order).toEqual(['begin 1'])
    await bench.finish()
    expect(order).toEqual(['begin 1', 'end 1 true', 'told 1', 'begin 2'])
    await bench.finish()
    expect(order.at(-1)).toBe('end 2 false')
  })

  test('no memory for it: busy, and the next one has its turn', async () => {
    let left = 1
    const derived: Derive = (given, like) => (left-- > 0 ? Promise.reject(new Error('out of memory')) : derive(given, like))
    const passwords = new Passwords([], { derive: derived, atOnceMax: 1 })
    const ask = (): Promise<boolean> => passwords.check({ username: 'a', known: ARGON2ID, given: Buffer.from(PASSWORD) })
    const [refused, right] = await Promise.allSettled([ask(), ask()])
    expect(refused).toMatchObject({ status: 'rejected', reason: { counter: 'refusedLoginsBusy' } })
    expect(right).toEqual({ status: 'fulfilled', value: true })
  })
})
