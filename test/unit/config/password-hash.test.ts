// The three formats of Mosquitto: read, written again as they were, and every way to damage one.
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { PasswordConfig } from '../../../src/config/config.ts'
import { describePassword, formatPasswordHash, isFlaw, parsePasswordHash, plainPassword, type PasswordHash } from '../../../src/config/password-hash.ts'

const SALT = 'AAECAwQFBgcICQoL'
const HASH = Buffer.alloc(64, 0xab).toString('base64')
const SHORT = Buffer.alloc(63, 0xab).toString('base64')

const PBKDF2 = `$7$101$${SALT}$${HASH}`
const SHA512 = `$6$${SALT}$${HASH}`
const ARGON2ID = `$argon2id$v=19$m=47104,t=1,p=1$${SALT}$${Buffer.alloc(32, 0xab).toString('base64').replace('=', '')}`

function read(text: string): PasswordHash {
  const hash = parsePasswordHash(text)
  if (isFlaw(hash)) throw new Error(hash.message)
  return hash
}

describe('read', () => {
  test('PBKDF2', () => {
    const hash = read(PBKDF2)
    expect(hash).toMatchObject({ kind: 'pbkdf2-sha512', iterations: 101 })
    expect(hash.salt).toEqual(Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))
    expect(hash.hash).toEqual(Buffer.alloc(64, 0xab))
  })

  test('SHA-512', () => {
    const hash = read(SHA512)
    expect(hash.kind).toBe('sha512')
    expect([hash.salt.length, hash.hash.length]).toEqual([12, 64])
  })

  test('argon2id', () => {
    const hash = read(ARGON2ID)
    expect(hash).toMatchObject({ kind: 'argon2id', memoryKiB: 47_104, passes: 1, parallelism: 1 })
    expect([hash.salt.length, hash.hash.length]).toEqual([12, 32])
  })

  test.each([PBKDF2, SHA512, ARGON2ID])('and written as it was: %s', (text) => expect(formatPasswordHash(read(text))).toBe(text))

  test('with padding or without, which is written as its format has it', () => {
    expect(formatPasswordHash(read(PBKDF2.replaceAll('=', '')))).toBe(PBKDF2)
    expect(formatPasswordHash(read(`${ARGON2ID}=`))).toBe(ARGON2ID)
  })

  test('bounds', () => {
    expect(read(`$7$1$${SALT}$${HASH}`)).toMatchObject({ iterations: 1 })
    expect(read(`$7$10000000$${SALT}$${HASH}`)).toMatchObject({ iterations: 10_000_000 })
    expect(read(ARGON2ID.replace('m=47104,t=1,p=1', 'm=131072,t=32,p=16'))).toMatchObject({ memoryKiB: 131_072, passes: 32, parallelism: 16 })
    expect(read(`$6$${Buffer.alloc(128).toString('base64')}$${HASH}`).salt).toHaveLength(128)
  })
})

describe('refused', () => {
  test.each([
    ['secret', 'the password is there as plain text, not as a hash'],
    ['', 'the password is there as plain text, not as a hash'],
    ['$', 'the password is there as plain text, not as a hash'],
    ['$7', 'the password is there as plain text, not as a hash'],
    ['$2b$12$abcdefghijklmnopqrstuv', 'the format $2b$ is not known'],
    ['$argon2i$v=19$m=8,t=1,p=1$AA$AA', 'the format $argon2i$ is not known'],
    ['$7$', 'the hash $7$ is damaged: it has no number of iterations'],
    [`$7$x$${SALT}$${HASH}`, 'the hash $7$ is damaged: it has no number of iterations'],
    [`$7$-1$${SALT}$${HASH}`, 'the hash $7$ is damaged: it has no number of iterations'],
    [`$7$0$${SALT}$${HASH}`, 'the hash asks for 0 iterations; 1 to 10000000 are allowed'],
    [`$7$10000001$${SALT}$${HASH}`, 'the hash asks for 10000001 iterations; 1 to 10000000 are allowed'],
    [`$7$101$AA==$${HASH}`, 'the hash $7$ is damaged: it must have a salt of 8 to 128 bytes in base64'],
    [`$7$101$${Buffer.alloc(129).toString('base64')}$${HASH}`, 'the hash $7$ is damaged: it must have a salt of 8 to 128 bytes in base64'],
    [`$7$101$${SALT}!$${HASH}`, 'the hash $7$ is damaged: it must have a salt of 8 to 128 bytes in base64'],
    [`$7$101$${SALT}$${SHORT}`, 'the hash $7$ is damaged: it must end with 64 bytes in base64'],
    [`$7$101$${SALT}$${HASH.slice(0, -3)}`, 'the hash $7$ is damaged: it must end with 64 bytes in base64'],
    [`$7$101$${SALT}$${HASH} x`, 'the hash $7$ is damaged: it must end with 64 bytes in base64'],
    [`$7$101$${SALT}$${HASH}$x`, 'the hash $7$ is damaged: it has more than three parts'],
    [`$6$${SALT}`, 'the hash $6$ is damaged: it must end with 64 bytes in base64'],
    [`$6$$${HASH}`, 'the hash $6$ is damaged: it must have a salt of 8 to 128 bytes in base64'],
    [`$6$${SALT}$${HASH}$x`, 'the hash $6$ is damaged: it has more than two parts'],
    [ARGON2ID.replace('v=19', 'v=16'), 'the hash $argon2id$ is damaged: it is not of version 19 (v=19)'],
    [ARGON2ID.replace('$v=19', ''), 'the hash $argon2id$ is damaged: it is not of version 19 (v=19)'],
    [ARGON2ID.replace('t=1', 't=x'), 'the hash $argon2id$ is damaged: it has no m=…,t=…,p=…'],
    [ARGON2ID.replace('m=47104', 'm=131073'), 'the hash asks for 131073 KiB of memory; 131072 are allowed'],
    [ARGON2ID.replace('t=1', 't=33'), 'the hash asks for 33 passes; 1 to 32 are allowed'],
    [ARGON2ID.replace('t=1', 't=0'), 'the hash asks for 0 passes; 1 to 32 are allowed'],
    [ARGON2ID.replace('p=1', 'p=17'), 'the hash asks for 17 lanes; 1 to 16 are allowed'],
    [ARGON2ID.replace('p=1', 'p=0'), 'the hash asks for 0 lanes; 1 to 16 are allowed'],
    [ARGON2ID.replace('m=47104,t=1,p=1', 'm=127,t=1,p=16'), 'the hash $argon2id$ is damaged: it has less than 8 KiB for each lane'],
    [ARGON2ID.replace(SALT, 'AAAA'), 'the hash $argon2id$ is damaged: it must have a salt of 8 to 128 bytes in base64'],
    [ARGON2ID.slice(0, -30), 'the hash $argon2id$ is damaged: it must end with 16 to 128 bytes in base64'],
    [`${ARGON2ID}$x`, 'the hash $argon2id$ is damaged: it has more than four parts'],
  ])('%s', (text, message) => {
    const flaw = parsePasswordHash(text)
    if (!isFlaw(flaw)) throw new Error('accepted')
    expect(flaw.message).toBe(message)
    expect(flaw.hint).toMatch(/sandpiper passwd/)
    for (const secret of ['secret', HASH.slice(0, 20), SHORT.slice(0, 20)]) expect(flaw.message + flaw.hint).not.toContain(secret)
  })
})

test.each<[string, PasswordConfig]>([
  ['plain text', plainPassword(Buffer.from('hunter2'))],
  ['SHA-512, quick to guess: better set anew', read(SHA512)],
  ['PBKDF2-SHA512, 101 iterations', read(PBKDF2)],
  ['argon2id, 46 MiB, 1 pass', read(ARGON2ID)],
])('%s: dumps hold neither password nor hash', (text, password) => {
  expect(describePassword(password)).toBe(text)
  const dumps = [JSON.stringify({ password }), inspect({ password }, { depth: 9 })]
  for (const dump of dumps) expect(dump).not.toMatch(/hunter|\b104\b|68 75 6e|171|ab ab|abab/)
})
