// Password files: what is read, what is wrong with its line, and that an edit changes one line only.
import { describe, expect, test } from 'vitest'
import { isFlaw, parsePasswordHash, type PasswordHash } from '../../../src/config/password-hash.ts'
import { formatEntry, nameProblem, parsePasswordFile, withPassword } from '../../../src/config/password-file.ts'

const HASH = `$7$101$AAECAwQFBgcICQoL$${Buffer.alloc(64, 0xab).toString('base64')}`
const OTHER = `$6$AAECAwQFBgcICQoL$${Buffer.alloc(64, 0xcd).toString('base64')}`
const NEW = parsePasswordHash(OTHER) as PasswordHash

function parsed(text: string | Buffer) {
  const { entries, flaws } = parsePasswordFile(Buffer.from(text as string))
  return { users: entries.map(({ name, password, line }) => `${line} ${name} ${password.kind}`), flaws: flaws.map(({ line, message }) => `${line}: ${message}`) }
}

describe('read', () => {
  test.each([
    ['users', `a:${HASH}\nb:${OTHER}\n`, ['1 a pbkdf2-sha512', '2 b sha512']],
    ['without a newline at the end', `a:${HASH}`, ['1 a pbkdf2-sha512']],
    ['Windows line ends', `a:${HASH}\r\nb:${OTHER}\r\n`, ['1 a pbkdf2-sha512', '2 b sha512']],
    ['a byte order mark', `\uFEFFa:${HASH}\n`, ['1 a pbkdf2-sha512']],
    ['comments and empty lines', `# a:${HASH}\n\n  \n#\nb:${OTHER}\n\n`, ['5 b sha512']],
    ['blanks around', ` a : ${HASH} \t\n`, ['1 a pbkdf2-sha512']],
    ['names of all kinds', `a b:${HASH}\nwört@例:${HASH}\n$SYS/#:${HASH}\n__proto__:${HASH}\n`, ['1 a b pbkdf2-sha512', '2 wört@例 pbkdf2-sha512', '3 $SYS/# pbkdf2-sha512', '4 __proto__ pbkdf2-sha512']],
    ['nothing', '', []],
    ['nothing but a byte order mark', '\uFEFF', []],
  ])('%s', (_, text, users) => expect(parsed(text)).toEqual({ users, flaws: [] }))

  test('as large as it may be', () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `u${i}`)
    const large = names.map((name) => `${name}:$7$1$AAECAwQFBgcICQoL$${HASH.slice(-88)}\n`).join('')
    expect(parsePasswordFile(Buffer.from(large))).toMatchObject({ entries: { length: 100_000 }, flaws: [] })
    const tooMany = parsePasswordFile(Buffer.from(`${large}v:${HASH}\n`))
    expect(tooMany).toMatchObject({ entries: { length: 100_000 }, flaws: [{ line: 100_001, message: 'there are more than 100000 lines' }] })
  })
})

describe('wrong', () => {
  test.each<[string, string | Buffer, readonly string[]]>([
    ['plain text', 'a:secret\n', ['1: user "a": the password is there as plain text, not as a hash']],
    ['no password', 'a:\n', ['1: user "a": the password is there as plain text, not as a hash']],
    ['an unknown format', 'a:$2b$10$x\n', ['1: user "a": the format $2b$ is not known']],
    ['a damaged hash', `a:${HASH.slice(0, -9)}\n`, ['1: user "a": the hash $7$ is damaged: it must end with 64 bytes in base64']],
    ['no colon', `\nsecret\n`, ['2: the line has no colon']],
    ['an indented comment', '  # all of them\n', ['1: the line has no colon']],
    ['no name', `:${HASH}\n`, ['1: the user name is empty']],
    ['a blank name', `  :${HASH}\n`, ['1: the user name is empty']],
    ['a control character', `a\u0000b:${HASH}\n`, ['1: the user name "a·b" holds a control character']],
    ['a name that is too long', `${'x'.repeat(65_536)}:${HASH}\n`, ['1: the user name is longer than 65535 bytes']],
    ['an endless line', `x:${'y'.repeat(100_000)}\n`, ['1: the line is longer than 66559 bytes']],
    ['a line that is no text', Buffer.from(`\xfc:${HASH}\nb:${HASH}\n`, 'latin1'), ['1: the line is not UTF-8 text']],
    ['a user twice', `a:${HASH}\n#\n a :${OTHER}\n`, ['3: the user "a" is there twice: first on line 1']],
    ['a user twice, wrong the first time', `a:x\na:${OTHER}\n`, ['1: user "a": the password is there as plain text, not as a hash', '2: the user "a" is there twice: first on line 1']],
    ['all of them', 'a:x\nb\nc:y\n', ['1: user "a": the password is there as plain text, not as a hash', '2: the line has no colon', '3: user "c": the password is there as plain text, not as a hash']],
  ])('%s', (_, text, flaws) => {
    expect(parsed(text).flaws).toEqual(flaws)
    for (const { message, hint } of parsePasswordFile(Buffer.from(text as string)).flaws) {
      expect(hint.length).toBeGreaterThan(8)
      expect(message + hint).not.toMatch(/secret|\n/)
    }
  })

  test('the others are read all the same', () => expect(parsed(`a:x\nb:${HASH}\n`).users).toEqual(['2 b pbkdf2-sha512']))

  test('every line: the first twenty, and how many more', () => {
    const { flaws } = parsed('x:y\n'.repeat(5000))
    expect(flaws).toHaveLength(21)
    expect(flaws.at(-1)).toBe('5000: 9979 more lines are wrong')
  })

  // Whatever a file holds, the answer is users and lines in it.
  test('damaged in 2,000 ways (seed 4)', () => {
    const whole = Buffer.from(`# users\na:${HASH}\n\nb:${OTHER}\r\nc:$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoL$AAECAwQFBgcICQoLDA0ODw\n`)
    let state = 4
    const random = (below: number): number => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8) % below
    const wrong: Buffer[] = []
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(whole)
      for (let n = random(5); n >= 0; n--) bytes[random(bytes.length)] = random(256)
      const cut = bytes.subarray(0, random(bytes.length))
      const { entries, flaws } = parsePasswordFile(cut)
      const rows = cut.toString('latin1').split('\n').length
      if (entries.length > 3 || [...entries, ...flaws].some(({ line }) => line < 1 || line > rows)) wrong.push(cut)
    }
    expect(wrong).toEqual([])
  })
})

describe('edited', () => {
  const edit = (text: string, name: string, password: PasswordHash | null = NEW): string => withPassword(Buffer.from(text), name, password).toString('latin1')
  const A = `a:${HASH}\n`
  const B = `b:${OTHER}\n`

  test.each([
    ['the first user', '', B],
    ['one more', A, `${A}${B}`],
    ['one more behind an open end', A.trimEnd(), `${A}${B}`],
    ['one more, as Windows ends lines', A.replace('\n', '\r\n'), `${A}${B}`.replaceAll('\n', '\r\n')],
    ['changed', `#\n${A}b:${HASH}\n\nc:x\n`, `#\n${A}${B}\nc:x\n`],
    ['changed, as Windows ends lines', `b:${HASH}\r\n${A}`, `${B.replace('\n', '\r\n')}${A}`],
    ['changed at an open end', `${A}b:${HASH}`, `${A}${B.trimEnd()}`],
    ['changed with blanks around', `  b :${HASH}\n${A}`, `${B}${A}`],
    ['a damaged one', `b:$7$1$x\n${A}`, `${B}${A}`],
    ['one that was there twice', `b:x\n${A}b:y\n`, `${B}${A}`],
    ['not the comment', `#b:x\n${A}`, `#b:x\n${A}${B}`],
    ['not one that begins like it', `bb:x\n`, `bb:x\n${B}`],
  ])('%s', (_, before, after) => expect(edit(before, 'b')).toBe(after))

  test.each([
    ['in the middle', `${A}${B}c:x\n`, `${A}c:x\n`],
    ['at the end', `${A}${B}`, A],
    ['at an open end', `${A}${B.trimEnd()}`, A],
    ['the only one', B, ''],
    ['every line of it', `${B}${A}${B}`, A],
    ['who is not there', A, A],
  ])('removed %s', (_, before, after) => expect(edit(before, 'b', null)).toBe(after))

  test('lines that are no text keep their bytes, and so does a byte order mark', () => {
    const before = Buffer.concat([Buffer.from('\uFEFF'), Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from(A)])
    expect(withPassword(before, 'b', NEW)).toEqual(Buffer.concat([before, Buffer.from(B)]))
    expect(withPassword(Buffer.from(`\uFEFFb:x\n${A}`), 'b', NEW).toString()).toBe(`\uFEFF${B}${A}`)
    expect(withPassword(Buffer.from(`\uFEFFb:x\n${A}`), 'b', null).toString()).toBe(`\uFEFF${A}`)
  })

  test('what was written is read', () => {
    expect(isFlaw(NEW)).toBe(false)
    expect(parsed(`${formatEntry('wört', NEW)}\n`)).toEqual({ users: ['1 wört sha512'], flaws: [] })
  })
})

test.each([
  ['', 'is empty'],
  ['a:b', 'holds a colon'],
  ['#a', 'starts with #'],
  [' a', 'starts or ends with a blank'],
  ['a\u00a0', 'starts or ends with a blank'],
  ['a\nb', 'holds a control character'],
  ['\u{1f600}'.repeat(16_384), 'is longer than 65535 bytes'],
])('no name for a file: %j', (name, why) => expect(nameProblem(name)?.message).toContain(why))

test.each(['a', 'a b', 'wört', 'a#', '$7$', '例/+'])('a name for a file: %j', (name) => expect(nameProblem(name)).toBeNull())
