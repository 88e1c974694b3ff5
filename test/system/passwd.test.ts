// `sandpiper passwd` as people and scripts run it, on files that the real mosquitto_passwd writes and reads too.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Passwords } from '../../src/access/password.ts'
import { parsePasswordFile } from '../../src/config/password-file.ts'
import { endWithUs } from '../support/orphans.ts'
import { until } from '../support/until.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PATH = `${process.env.PATH}:/usr/sbin` // where Debian puts it, and not every user looks
const AS_ROOT = process.getuid?.() === 0

let folder = ''
let file = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-passwd-'))
  file = join(folder, 'passwd')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program with this standard input, to its end. */
function run(program: string, args: readonly string[], stdin: string | Buffer = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env: { ...process.env, PATH }, timeout: 15_000 }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }))
    endWithUs(child)
    child.stdin!.on('error', () => {}) // it may end without having read
    child.stdin!.end(stdin)
  })
}

function sandpiper(args: readonly string[], stdin?: string | Buffer): Promise<Ended> {
  return run(process.execPath, [MAIN, 'passwd', ...args], stdin)
}

async function mosquittoPasswd(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run('mosquitto_passwd', args)
  if (code !== 0) throw new Error(`mosquitto_passwd: ${stderr}`)
}

const text = (): Promise<string> => readFile(file, 'utf8')

/** Who of the file has this password. */
async function whoHas(password: string): Promise<string[]> {
  const { entries, flaws } = parsePasswordFile(await readFile(file))
  expect(flaws).toEqual([])
  const passwords = new Passwords([])
  const answers = await Promise.all(entries.map(({ name, password: known }) => passwords.check({ username: name, known, given: Buffer.from(password) })))
  return entries.filter((_, i) => answers[i]).map(({ name }) => name)
}

describe('beside mosquitto_passwd', () => {
  test('files of both its kinds are read, and their passwords verify', async () => {
    await mosquittoPasswd('-c', '-b', file, 'pump', 'pass wörd:$')
    await mosquittoPasswd('-H', 'sha512', '-b', file, 'meter', 'pass wörd:$')
    await mosquittoPasswd('-H', 'sha512-pbkdf2', '-b', file, 'tank', 'other')
    expect(await whoHas('pass wörd:$')).toEqual(['pump', 'meter'])
    expect(await whoHas('other')).toEqual(['tank'])
    expect(await whoHas('wrong')).toEqual([])
    expect(await sandpiper([file])).toEqual({
      code: 0,
      stdout: 'pump   PBKDF2-SHA512, 101 iterations\nmeter  SHA-512, quick to guess: better set anew\ntank   PBKDF2-SHA512, 101 iterations\n',
      stderr: '',
    })
  })

  test('a file of plain text: told what to do, and it is right after that', async () => {
    await writeFile(file, 'pump:secret\nmeter:other\n')
    const refused = await sandpiper([file])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('line 1: user "pump": the password is there as plain text, not as a hash; hash it with `mosquitto_passwd -U FILE`')
    expect(refused.stderr).not.toContain('secret')
    await mosquittoPasswd('-U', file)
    expect(await whoHas('secret')).toEqual(['pump'])
  })

  test('the lines of others keep every byte, and mosquitto_passwd goes on with the file', async () => {
    await mosquittoPasswd('-c', '-b', file, 'pump', 'one')
    await mosquittoPasswd('-b', file, 'meter', 'two')
    const before = await text()
    expect(await sandpiper([file, 'tank'], 'three\n')).toMatchObject({ code: 0, stdout: `Added tank in ${file} (argon2id, 12 MiB, 3 passes).\n`, stderr: '' })
    const added = await text()
    expect(added.startsWith(before)).toBe(true)
    expect(added.slice(before.length)).toMatch(/^tank:\$argon2id\$v=19\$m=12288,t=3,p=1\$[^$]{22}\$[^$]{43}\n$/)
    expect(await sandpiper([file, 'pump'], 'four')).toMatchObject({ code: 0, stdout: `Changed the password of pump in ${file} (argon2id, 12 MiB, 3 passes).\n` })
    expect((await text()).split('\n').slice(1)).toEqual(added.split('\n').slice(1))
    await mosquittoPasswd('-D', file, 'meter')
    expect(await whoHas('three')).toEqual(['tank'])
    expect(await whoHas('four')).toEqual(['pump'])
    expect(await sandpiper([file, 'pump', '--delete'])).toMatchObject({ code: 0, stdout: `Removed pump from ${file}.\n` })
    expect(await text()).toBe(`${added.trimEnd().split('\n').at(-1)}\n`)
  })
})

describe('the file', () => {
  test('is made for its owner’s eyes only, and nothing is left beside it', async () => {
    await sandpiper([file, 'a'], 'x\n')
    expect((await stat(file)).mode & 0o7777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['passwd'])
  })

  test('keeps its mode, and its owner', async () => {
    await sandpiper([file, 'a'], 'x\n')
    await chmod(file, 0o640)
    if (AS_ROOT) await chown(file, 12_345, 54_321)
    const { uid, gid } = await stat(file)
    expect((await sandpiper([file, 'b'], 'x\n')).code).toBe(0)
    expect(await stat(file)).toMatchObject({ uid, gid, mode: 0o100640 })
  })

  test('is the one a link leads to', async () => {
    await mkdir(join(folder, 'real'))
    const real = join(folder, 'real', 'users')
    await writeFile(real, '# ours\n', { mode: 0o600 })
    await symlink('real/users', file)
    expect((await sandpiper([file, 'a'], 'x\n')).code).toBe(0)
    expect(await readFile(real, 'utf8')).toMatch(/^# ours\na:\$argon2id/)
    expect(await readdir(folder)).toEqual(['passwd', 'real'])
    await rm(real)
    expect((await sandpiper([file, 'a'], 'x\n')).stderr).toContain('is a link to a file that is not there')
  })

  test('ten runs at once: no line is lost', { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 10 }, (_, i) => `u${i}`)
    const ended = await Promise.all(names.map((name) => sandpiper([file, name], `${name}\n`)))
    expect(ended.map(({ code }) => code)).toEqual(names.map(() => 0))
    expect(parsePasswordFile(await readFile(file)).entries.map(({ name }) => name).sort()).toEqual(names)
    expect(await readdir(folder)).toEqual(['passwd'])
  })

  test('what a killed run has left behind is named, and nothing is changed', async () => {
    await writeFile(`${file}.new`, 'half')
    const { code, stderr } = await sandpiper([file, 'a'], 'x\n')
    expect(code).toBe(1)
    expect(stderr).toContain(`passwd.new is beside ${file}: another run is changing it, or one was killed, and then it can be removed`)
    expect(await readdir(folder)).toEqual(['passwd.new'])
    expect(await readFile(`${file}.new`, 'utf8')).toBe('half')
  })
})

describe('refused: a sentence, and the file as it was', () => {
  const GOOD = `a:$6$AAECAwQFBgcICQoL$${Buffer.alloc(64).toString('base64')}\n`

  test.each<[string, string, readonly string[], string, string]>([
    ['a line without a colon', `${GOOD}x\n`, ['b'], 'x\n', 'passwd line 2: the line has no colon'],
    ['a damaged line of another user', `${GOOD}c:$7$\n`, ['b'], 'x\n', 'passwd line 2: user "c": the hash $7$ is damaged'],
    ['a file of another kind', 'root:x:0:0:root:/root:/bin/bash\n', ['b'], 'x\n', 'passwd line 1: user "root": the password is there as plain text'],
    ['an empty password', GOOD, ['b'], '\n', 'the password is empty'],
    ['no password', GOOD, ['b'], '', 'the password is empty'],
    ['a password longer than MQTT carries', GOOD, ['b'], 'x'.repeat(70_000), 'the password is longer than 65535 bytes'],
    ['a name with a colon', GOOD, ['b:c'], 'x\n', 'the user name "b:c" holds a colon'],
    ['a name like a comment', GOOD, ['#b'], 'x\n', 'the user name "#b" starts with #'],
    ['an empty name', GOOD, [''], 'x\n', 'the user name is empty'],
    ['nobody to remove', GOOD, ['b', '--delete'], '', 'there is no user "b" in '],
    ['two names', GOOD, ['b', 'c'], 'x\n', 'passwd needs a file, and the name of one user'],
    ['--delete without a name', GOOD, ['--delete'], 'x\n', 'passwd needs a file, and the name of one user'],
  ])('%s', async (_, before, args, stdin, sentence) => {
    await writeFile(file, before)
    const { code, stdout, stderr } = await sandpiper([file, ...args], stdin)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^sandpiper: [^\n]+\n$/)
    expect(stderr).toContain(sentence)
    expect(await text()).toBe(before)
    expect(await readdir(folder)).toEqual(['passwd'])
  })

  test.each([
    ['no file at all', [], 'passwd needs a file'],
    ['a file that is not there', ['none'], 'none does not exist'],
    ['removing from one that is not there', ['none', 'a', '--delete'], 'none does not exist'],
    ['a folder that is not there', ['none/passwd', 'a'], 'the folder of '],
    ['a folder', ['.', 'a'], ' is no ordinary file'],
  ])('%s', async (_, [name, ...args], sentence) => {
    const { code, stderr } = await sandpiper(name === undefined ? [] : [join(folder, name), ...args], 'x\n')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^sandpiper: [^\n]+\n$/)
    expect(stderr).toContain(sentence)
    expect(await readdir(folder)).toEqual([])
  })

  test('a line of the user itself is mended, or removed, whatever is wrong with it', async () => {
    await writeFile(file, `a:secret\n# ours\n${GOOD.replace('a:', 'b:')}a:x\n`)
    expect((await sandpiper([file, 'a'], 'new\n')).stdout).toMatch(/^Changed the password of a /)
    expect(await text()).toMatch(/^a:\$argon2id[^\n]+\n# ours\nb:[^\n]+\n$/)
    await writeFile(file, 'a:secret\n')
    expect((await sandpiper([file, 'a', '--delete'])).stdout).toMatch(/^Removed a /)
    expect(await text()).toBe('')
  })
})

describe('standard input', () => {
  test.each([
    ['one line', 'se cret\n', 'se cret'],
    ['without its end', 'secret', 'secret'],
    ['as Windows ends it', 'secret\r\n', 'secret'],
    ['the first of several', 'secret\nmore\n', 'secret'],
    ['with blanks, which count', ' secret \n', ' secret '],
  ])('%s', async (_, stdin, password) => {
    expect((await sandpiper([file, 'a'], stdin)).code).toBe(0)
    expect(await whoHas(password)).toEqual(['a'])
  })
})

/** `sandpiper passwd` on a terminal. */
class Terminal {
  screen = ''
  readonly #socat: ChildProcess

  constructor(...args: readonly string[]) {
    const command = [process.execPath, MAIN, 'passwd', ...args].join(' ')
    const socat = spawn('socat', ['-t', '10', '-', `SYSTEM:${command}; echo ended $?,pty,setsid,ctty,stderr`], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#socat = endWithUs(socat)
    socat.stdout.setEncoding('utf8').on('data', (text: string) => (this.screen += text))
  }

  /** Types when the screen ends with `question`. */
  async answer(question: string, keys: string): Promise<void> {
    await until(() => this.screen.endsWith(question), `"${question}" on the screen`, 10_000)
    this.#socat.stdin!.write(keys)
  }

  async ended(): Promise<number> {
    const code = await until(() => /ended (\d+)\s*$/.exec(this.screen)?.[1], 'the command to end', 10_000)
    this.#socat.stdin!.end()
    return Number(code)
  }
}

describe('a terminal', () => {
  test('asks twice, and shows nothing of what is typed', async () => {
    const terminal = new Terminal(file, 'pump')
    await terminal.answer('Password for pump: ', 'hunter2\r')
    await terminal.answer('Once more: ', 'hunter2\r')
    expect(await terminal.ended()).toBe(0)
    expect(terminal.screen.replaceAll('\r', '')).toBe(`Password for pump: \nOnce more: \nAdded pump in ${file} (argon2id, 12 MiB, 3 passes).\nended 0\n`)
    expect(await whoHas('hunter2')).toEqual(['pump'])
  })

  test('both answers at once, as a paste brings them', async () => {
    const terminal = new Terminal(file, 'pump')
    await terminal.answer('Password for pump: ', 'wörd\rwörd\r')
    expect(await terminal.ended()).toBe(0)
    expect(await whoHas('wörd')).toEqual(['pump'])
  })

  test('keys that take back: a character of several bytes, the whole line', async () => {
    const terminal = new Terminal(file, 'pump')
    await terminal.answer('Password for pump: ', 'no\u0015aö\u007f\u007fbc\u007f\r')
    await terminal.answer('Once more: ', 'b\r')
    expect(await terminal.ended()).toBe(0)
    expect(await whoHas('b')).toEqual(['pump'])
  })

  test.each([
    ['two different ones', ['hunter1\r', 'hunter2\r'], 'the two passwords are not the same'],
    ['nothing', ['\r'], 'the password is empty'],
    ['Ctrl-C', ['hunter1\u0003'], 'no password was given'],
    ['Ctrl-D', ['\u0004'], 'no password was given'],
  ])('%s: refused, and no file', async (_, answers, sentence) => {
    const terminal = new Terminal(file, 'pump')
    const questions = ['Password for pump: ', 'Once more: ']
    for (const [i, keys] of answers.entries()) await terminal.answer(questions[i]!, keys)
    expect(await terminal.ended()).toBe(1)
    expect(terminal.screen).toContain(sentence)
    expect(terminal.screen).not.toContain('hunter')
    expect(await readdir(folder)).toEqual([])
  })

  test('a broken file is told before anything is asked', async () => {
    await writeFile(file, 'x\n')
    const terminal = new Terminal(file, 'pump')
    expect(await terminal.ended()).toBe(1)
    expect(terminal.screen).toMatch(/^sandpiper: .*line 1: the line has no colon/)
  })
})
