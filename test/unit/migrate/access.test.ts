// Users and rules: what comes along of password_file and acl_file, and what keeps a listener out.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { PortListenerConfig } from '../../../src/config/config.ts'
import { checkText } from '../../../src/config/load.ts'
import { importCommand } from '../../../src/migrate/command.ts'
import { Confs, passwordLine, type Outcome } from './confs.ts'

const ANYBODY = 'allow_anonymous true\n'
const PER_LISTENER = 'per_listener_settings true\n'
const RULES = 'topic read news/#\nuser anna\ntopic anna/#\n'

const portsOf = ({ config }: Outcome): number[] => config.broker.listeners.map((l) => (l as PortListenerConfig).port)
const usersOf = ({ config }: Outcome): string[] => config.access.users.map(({ name }) => name)
const reasonsOf = ({ report }: Outcome): string => report.filter((line) => line.includes('this listener is left out')).join('\n')

/** A folder with two users and their rules. */
function site(): Confs & { readonly passwords: string; readonly acl: string } {
  const confs = new Confs()
  return Object.assign(confs, { passwords: confs.write('passwd', passwordLine('anna') + passwordLine('ben')), acl: confs.write('acl', RULES) })
}

describe('users and rules', () => {
  test('password_file and acl_file come along as they are', () => {
    using confs = site()
    const outcome = confs.import(`listener 1883\npassword_file ${confs.passwords}\nacl_file ${confs.acl}`)
    expect(outcome.told).toEqual([])
    expect(outcome.config.broker.listeners).toMatchObject([{ port: 1883, anonymous: false }])
    expect(usersOf(outcome)).toEqual(['anna', 'ben'])
    expect(outcome.config.access.rules.flat().map(({ filter }) => filter)).toContain('anna/#')
    expect(outcome.text).toMatch(new RegExp(`^access:\n  passwordFile: ${confs.passwords} # \\S+mosquitto.conf:2\n  aclFile: ${confs.acl} # \\S+mosquitto.conf:3\n`, 'm'))
  })

  test('where everybody is let in, who gives a name needs its password, as before', () => {
    using confs = site()
    const outcome = confs.import(`${ANYBODY}listener 1883\npassword_file ${confs.passwords}\nacl_file ${confs.acl}`)
    expect(outcome.told).toEqual([])
    expect(outcome.config.broker.listeners).toMatchObject([{ port: 1883, anonymous: true }])
    expect(usersOf(outcome)).toEqual(['anna', 'ben'])
  })

  test('a listener that asks for users where there are none stays out', () => {
    using confs = site()
    const outcome = confs.import(`listener 1883\nacl_file ${confs.acl}`)
    expect(portsOf(outcome)).toEqual([])
    expect(reasonsOf(outcome)).toMatch(/it asks for users .*, and has no password_file: nobody could connect/)
  })

  test('rules for users without a password file: a name proves nothing, and that is told', () => {
    using confs = site()
    const outcome = confs.import(`${ANYBODY}listener 1883\nacl_file ${confs.acl}`)
    expect(outcome.told).toEqual([expect.stringMatching(/^3 changed: where there is no password_file a user name proves nothing/)])
    expect(outcome.config.broker.listeners).toMatchObject([{ anonymous: true }])
  })

  test('patterns with %c and %u: less for a name with /, and told', () => {
    using confs = new Confs()
    const outcome = confs.import(`${ANYBODY}listener 1883\nacl_file ${confs.write('acl', 'pattern read a/%c\n')}`)
    expect(outcome.told).toEqual([expect.stringMatching(/^3 changed: a client whose identifier or user name has a \/ gets nothing by %c and %u/)])
  })

  test('a name that Mosquitto keeps from all patterns', () => {
    using confs = new Confs()
    const conf = (name: string, acl: string): string => `listener 1883\npassword_file ${confs.write('p', passwordLine(name))}\nacl_file ${confs.write('acl', acl)}`
    const outcome = confs.import(conf('a+b', 'pattern read all/#\n'))
    expect(portsOf(outcome)).toEqual([])
    expect(reasonsOf(outcome)).toMatch(/no `pattern` of \S+ is for the user a\+b/)
    expect(portsOf(confs.import(conf('a+b', 'pattern read %u/#\n')))).toEqual([1883])
    expect(portsOf(confs.import(conf('ab', 'pattern read all/#\n')))).toEqual([1883])
  })

  test('a relative path is taken from the folder of the file, and told', () => {
    using confs = site()
    const outcome = confs.import('listener 1883\npassword_file passwd')
    expect(usersOf(outcome)).toEqual(['anna', 'ben'])
    expect(outcome.told).toEqual([expect.stringMatching(/^2 changed: the relative path is taken from the folder of /)])
  })

  test('a password file without users yet keeps nothing out but its users', () => {
    using confs = new Confs()
    const outcome = confs.import(`listener 1883\npassword_file ${confs.write('p', '# nobody\n')}`)
    expect(outcome.config.broker.listeners).toMatchObject([{ port: 1883, anonymous: false }])
    expect(usersOf(outcome)).toEqual([])
  })

  test('what the check only warns of in an ACL file does not keep it out', () => {
    using confs = new Confs()
    const outcome = confs.import(`${ANYBODY}listener 1883\nacl_file ${confs.write('acl', 'topic read %u/x\n')}`)
    expect(portsOf(outcome)).toEqual([1883])
    expect(outcome.config.access.rules).not.toEqual([])
  })

  test('who has to read the files is told', () => {
    using confs = site()
    const conf = confs.write('mosquitto.conf', `listener 1883\npassword_file ${confs.passwords}\nacl_file ${confs.acl}`)
    const { stderr } = importCommand(conf, join(confs.folder, 'gateway.yaml'), 'h')
    expect(stderr).toContain(`The gateway's user must be able to read ${confs.passwords} and ${confs.acl}.\n`)
  })
})

describe('files that cannot be used', () => {
  test.each([
    ['a password as it is', 'anna:s3cret\n', 1, 'user "anna": the password is there as plain text'],
    ['a hash of another kind', `# users\n${passwordLine('ben')}anna:$2b$10$s3cretanna\n`, 3, 'user "anna": the format \\$2b\\$ is not known'],
    ['a line without a colon', `${passwordLine('ben')}s3cret\n`, 2, 'the line has no colon'],
    ['a user who is there twice', passwordLine('ben') + passwordLine('ben'), 2, 'the user "ben" is there twice'],
  ])('%s: the line is told, the listener stays out, and the secret nowhere', (_, content, line, why) => {
    using confs = new Confs()
    const file = confs.write('passwd', content)
    const outcome = confs.import(`listener 1883\npassword_file ${file}\n`)
    expect(portsOf(outcome)).toEqual([])
    expect(outcome.told).toEqual([expect.stringMatching(new RegExp(`^2 left out: ${file} line ${line}: .*${why}`))])
    expect(reasonsOf(outcome)).toMatch(new RegExp(`its password_file \\(\\S+mosquitto.conf:2\\) cannot be used: ${file} line ${line}: `))
    expect(outcome.text).toMatch(new RegExp(`^# access:\n {2}## Left out, \\S+mosquitto.conf:2:\n {2}## {3}${file} line ${line}: .*\n {2}# passwordFile: ${file} #`, 'm'))
    expect(outcome.text + outcome.report.join('\n')).not.toContain('s3cret')
    expect(usersOf(outcome)).toEqual([])
  })

  test('several lines: the first and how many more', () => {
    using confs = new Confs()
    const outcome = confs.import(`listener 1883\npassword_file ${confs.write('p', 'a:x\nb:y\nc:z\n')}`)
    expect(outcome.told).toEqual([expect.stringMatching(/ line 1: .* \(and 2 more\)$/)])
  })

  test.each([
    ['that is not there', () => '/nowhere/acl', '/nowhere/acl does not exist'],
    ['that is a folder', (confs: Confs) => confs.folder, 'is no ordinary file'],
    ['with a line of no meaning', (confs: Confs) => confs.write('acl', 'user anna\ntopc read x\n'), 'acl line 2: "topc" begins no line of an ACL file; did you mean topic\\?'],
    ['without a name', () => '', 'acl_file names no file'],
  ])('an ACL file %s: nobody is let in without its rules', (_, fileIn, why) => {
    using confs = site()
    const outcome = confs.import(`${ANYBODY}listener 1883\nlistener 1884 127.0.0.1\nacl_file ${fileIn(confs)}`)
    expect(portsOf(outcome)).toEqual([])
    expect(reasonsOf(outcome)).toMatch(new RegExp(`:2 {2}.*its acl_file \\(\\S+:4\\) cannot be used: .*${why}`))
    expect(outcome.config.access.rules).toEqual([])
  })

  test('once mended, the comments are right without their #', () => {
    using confs = new Confs()
    const file = confs.write('passwd', 'anna:secret\n')
    const { text } = confs.import(`listener 1884 127.0.0.1\npassword_file ${file}`)
    writeFileSync(file, passwordLine('anna'))
    const mended = text.replaceAll(/^( {4})# (- |  )(?=\S)|^( *)# (?=access:|passwordFile:)/gm, '$1$2$3').replace(/listeners: .*/, 'listeners:')
    const result = checkText(mended, 'gateway.yaml')
    if ('problems' in result) throw new Error(`${result.problems[0]!.message}\n${mended}`)
    expect(result.config.broker.listeners).toMatchObject([{ port: 1884, anonymous: false }])
    expect(result.config.access.users.map(({ name }) => name)).toEqual(['anna'])
  })
})

describe('per_listener_settings', () => {
  test('the same files for each', () => {
    using confs = site()
    const files = `password_file ${confs.passwords}\nacl_file ${confs.acl}\n`
    const outcome = confs.import(`${PER_LISTENER}listener 1883\n${files}listener 1884\n${files}`)
    expect([portsOf(outcome), usersOf(outcome), outcome.told]).toEqual([[1883, 1884], ['anna', 'ben'], []])
  })

  test('other users: the first has its users, the other stays out', () => {
    using confs = site()
    const others = confs.write('others', passwordLine('carl'))
    const outcome = confs.import(`${PER_LISTENER}listener 1883\npassword_file ${confs.passwords}\nlistener 1884\npassword_file ${others}`)
    expect([portsOf(outcome), usersOf(outcome)]).toEqual([[1883], ['anna', 'ben']])
    expect(outcome.told).toEqual([`5 left out: gateway.yaml has one such file for all listeners: ${confs.passwords} is taken`])
    expect(reasonsOf(outcome)).toMatch(/:4 {2}.*its users are those of \S+others \(\S+:5\), and gateway.yaml has one set for all listeners, that of \S+passwd \(\S+:3\)/)
  })

  test('users at one and none at the other, which asks for them: it let nobody in', () => {
    using confs = site()
    const outcome = confs.import(`${PER_LISTENER}listener 1883\npassword_file ${confs.passwords}\nlistener 1884`)
    expect(portsOf(outcome)).toEqual([1883])
    expect(reasonsOf(outcome)).toMatch(/:4 {2}.*has no password_file/)
  })

  test('users at one, everybody and a broken file at the other: it stays out', () => {
    using confs = site()
    const outcome = confs.import(`${PER_LISTENER}listener 1883\npassword_file ${confs.passwords}\nlistener 1884\n${ANYBODY}password_file ${confs.write('broken', 'x:y\n')}`)
    expect(portsOf(outcome)).toEqual([1883])
    expect(reasonsOf(outcome)).toMatch(/:4 {2}.*its password_file \(\S+:6\) cannot be used: \S+broken line 1: /)
  })

  test('users at one, everybody at the other: names are checked there too now, and that is told', () => {
    using confs = site()
    const outcome = confs.import(`${PER_LISTENER}listener 1883\npassword_file ${confs.passwords}\nlistener 1884\n${ANYBODY}`)
    expect(outcome.config.broker.listeners).toMatchObject([{ port: 1883, anonymous: false }, { port: 1884, anonymous: true }])
    expect(outcome.told).toEqual([expect.stringMatching(/^4 changed: who gives a user name there needs its password in \S+passwd: /)])
  })

  test.each([
    ['no rules', '', 'it has no acl_file, and the rules of \\S+acl \\(\\S+:4\\) are for all listeners here'],
    ['other rules', 'acl_file OTHER', 'its rules are those of \\S+other \\(\\S+:7\\), and gateway.yaml has one set for all listeners'],
  ])('%s at the other: it stays out', (_, line, why) => {
    using confs = site()
    const other = confs.write('other', 'topic #\n')
    const outcome = confs.import(`${PER_LISTENER}listener 1883\n${ANYBODY}acl_file ${confs.acl}\nlistener 1884\n${ANYBODY}${line.replace('OTHER', other)}`)
    expect(portsOf(outcome)).toEqual([1883])
    expect(reasonsOf(outcome)).toMatch(new RegExp(`:5  .*${why}`))
  })

  test('users at the first, other users and rules at the second: the first is opened as it was', () => {
    using confs = site()
    const others = confs.write('others', passwordLine('carl'))
    const outcome = confs.import(`${PER_LISTENER}listener 1883\npassword_file ${confs.passwords}\nlistener 1884\npassword_file ${others}\nacl_file ${confs.acl}`)
    expect([portsOf(outcome), usersOf(outcome), outcome.config.access.rules]).toEqual([[1883], ['anna', 'ben'], []])
    expect(reasonsOf(outcome)).toMatch(/its rules are those of \S+acl \(\S+:6\), and gateway.yaml has one set for all listeners, where another listener has no rules/)
    expect(outcome.told).toContain('6 left out: gateway.yaml has one such file for all listeners: another listener has none')
  })

  test('rules at the first, users with the same rules at the second: both are opened', () => {
    using confs = site()
    const outcome = confs.import(`${PER_LISTENER}listener 1883\n${ANYBODY}acl_file ${confs.acl}\nlistener 1884\npassword_file ${confs.passwords}\nacl_file ${confs.acl}`)
    expect([portsOf(outcome), usersOf(outcome)]).toEqual([[1883, 1884], ['anna', 'ben']])
  })

  test('a listener that lets nobody in does not say whose rules these are', () => {
    using confs = site()
    const outcome = confs.import(`${PER_LISTENER}listener 1883\nacl_file ${confs.write('x', 'topic x\n')}\nlistener 1884\n${ANYBODY}acl_file ${confs.write('y', 'topic y\n')}`)
    expect(portsOf(outcome)).toEqual([1884])
  })

  test('a listener that stays out does not say whose users these are', () => {
    using confs = site()
    const others = confs.write('others', passwordLine('carl'))
    const outcome = confs.import(`${PER_LISTENER}listener 1883\nplugin /x.so\npassword_file ${confs.passwords}\nlistener 1884\npassword_file ${others}`)
    expect([portsOf(outcome), usersOf(outcome)]).toEqual([[1884], ['carl']])
    expect(reasonsOf(outcome)).toMatch(/:2 {2}.*plugin \(\S+\) cannot be honoured: there are no plugins; its users are those of \S+passwd/)
  })
})
