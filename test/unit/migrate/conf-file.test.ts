// Reading mosquitto.conf: lines, folders that it includes, and what is refused as a whole.
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConf, Refusal } from '../../../src/migrate/conf-file.ts'
import { Confs } from './confs.ts'

function read(confs: Confs, text: string | Buffer): string[] {
  return readConf(confs.write('mosquitto.conf', text)).map(({ number, name, rest }) => `${number} ${name}=${rest}`)
}

function refusal(path: string): string {
  try {
    readConf(path)
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
  throw new Error('it was read')
}

describe('lines', () => {
  test.each([
    ['comments and empty lines', '# port 1\n\n   \nport 2\n  # port 3\n', ['4 port=2']],
    ['line ends of Windows', 'port 1\r\nuser a\r\n', ['1 port=1', '2 user=a']],
    ['a byte order mark', '\uFEFFport 1\n', ['1 port=1']],
    ['no newline at the end', 'user a', ['1 user=a']],
    ['blanks around and between', '  user \t a  b \n', ['1 user=a  b']],
    ['a name alone', 'user\n', ['1 user=']],
    ['a comment in another encoding', Buffer.from('# \xdcberwachung\nuser a\n', 'latin1'), ['2 user=a']],
  ])('%s', (_, text, lines) => {
    using confs = new Confs()
    expect(read(confs, text)).toEqual(lines)
  })

  test('an empty file is Mosquitto’s default', () => {
    using confs = new Confs()
    expect(read(confs, '')).toEqual([])
  })
})

describe('include_dir', () => {
  test('files that end in .conf, in Mosquitto’s order, where the line stands', () => {
    using confs = new Confs()
    for (const name of ['b.conf', 'A.conf', '01.conf', 'a.conf', 'B.conf', '00.conf', 'ab.conf', '.conf', 'a.conf.bak', 'README']) confs.write(`conf.d/${name}`, `user ${name}\n`)
    expect(read(confs, 'port 1\ninclude_dir conf.d\nport 2\n')).toEqual([
      '1 port=1', '2 include_dir=conf.d',
      '1 user=00.conf', '1 user=01.conf', '1 user=A.conf', '1 user=a.conf', '1 user=ab.conf', '1 user=B.conf', '1 user=b.conf',
      '3 port=2',
    ])
  })

  test('lines of each reading are kept apart', () => {
    using confs = new Confs()
    confs.write('conf.d/a.conf', 'user a\n')
    confs.write('conf.d/b.conf', 'user b\n')
    const lines = readConf(confs.write('mosquitto.conf', 'port 1\ninclude_dir conf.d\nport 2\n'))
    expect(lines.map((line) => line.source)).toEqual([1, 1, 2, 3, 1])
  })

  test('one of an included file includes nothing, as with Mosquitto', () => {
    using confs = new Confs()
    confs.write('conf.d/a.conf', 'include_dir conf.d\nuser a\n')
    expect(read(confs, 'include_dir conf.d\n')).toEqual(['1 include_dir=conf.d', '1 include_dir=conf.d', '2 user=a'])
  })
})

describe('refused, in a sentence', () => {
  test.each([
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), /mosquitto\.conf is not text: give the path/],
    ['another program’s configuration', '[server]\nlisten=1883\n', /is no Mosquitto configuration: it has no directive/],
    ['include_dir without a folder', 'include_dir\n', /mosquitto\.conf:1: include_dir names no folder/],
    ['include_dir of a folder that is not there', 'user a\ninclude_dir conf.d\n', /mosquitto\.conf:2: the folder \S+\/conf\.d does not exist: what is in it may say who is kept out/],
    ['include_dir of a file', 'include_dir mosquitto.conf\n', /is no folder/],
    ['include_dir of its own folder', 'user a\ninclude_dir .\n', /mosquitto\.conf:2: include_dir \. holds \S+ itself: it would include itself without end/],
  ])('%s', (_, text, sentence) => {
    using confs = new Confs()
    expect(refusal(confs.write('mosquitto.conf', text))).toMatch(sentence)
  })

  test('itself under another name', () => {
    using confs = new Confs()
    const main = confs.write('mosquitto.conf', 'include_dir conf.d\n')
    confs.write('conf.d/README', '')
    symlinkSync(main, join(confs.folder, 'conf.d/again.conf'))
    expect(refusal(main)).toMatch(/it would include itself without end/)
  })

  test('a link to nothing, and one to itself', () => {
    using confs = new Confs()
    const main = confs.write('mosquitto.conf', 'include_dir conf.d\n')
    confs.write('conf.d/README', '')
    symlinkSync(join(confs.folder, 'nowhere'), join(confs.folder, 'conf.d/a.conf'))
    expect(refusal(main)).toMatch(/mosquitto\.conf:1 includes \S+\/a\.conf, which does not exist/)
    const loop = join(confs.folder, 'loop.conf')
    symlinkSync(loop, loop)
    expect(refusal(loop)).toMatch(/is a link that leads back to itself/)
  })

  test('100 MB', () => {
    using confs = new Confs()
    const path = confs.write('mosquitto.conf', 'user a\n')
    truncateSync(path, 100_000_000)
    expect(refusal(path)).toMatch(/is larger than 1 MB/)
  })

  test('more lines than any configuration has', () => {
    using confs = new Confs()
    expect(refusal(confs.write('mosquitto.conf', 'user a\n'.repeat(5001)))).toMatch(/mosquitto\.conf:5001: these are more than 5000 directives/)
  })

  test('too many files, and too much in all', () => {
    using confs = new Confs()
    const main = confs.write('mosquitto.conf', 'include_dir conf.d\n')
    for (let i = 0; i < 5; i++) confs.write(`conf.d/${i}.conf`, `# ${'x'.repeat(900_000)}\nuser a\n`)
    expect(refusal(main)).toMatch(/larger than 4 MB/)
    for (let i = 0; i < 201; i++) writeFileSync(join(confs.folder, 'conf.d', `${i}.conf`), 'user a\n')
    expect(refusal(main)).toMatch(/includes more than 200 files/)
  })

  test.each([
    ['a folder', '.', /is a folder: give the file in it/],
    ['nothing', 'nowhere.conf', /does not exist: give a file that this user may read/],
    ['a device', '/dev/zero', /is no ordinary file/],
  ])('%s', (_, name, sentence) => {
    using confs = new Confs()
    expect(refusal(name.startsWith('/') ? name : join(confs.folder, name))).toMatch(sentence)
  })
})
