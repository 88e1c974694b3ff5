// Mosquitto's ACL file: what its lines become, and what is said of those that are none. That it decides as Mosquitto does is in
// test/system/acl.test.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RuleConfig } from '../../../src/config/config.ts'
import { parseAclFile } from '../../../src/config/acl-file.ts'
import { checkText, type LoadOptions, type LoadResult } from '../../../src/config/load.ts'

const parse = (text: string | Buffer) => parseAclFile(Buffer.from(text as string), 'acl')
const NOBODY_SPECIAL = { users: null, roles: null, clientIds: null, tenants: null, anonymous: null }

/** `deny publish,receive FILTER @ann line 7`, without those that stand for all subscriptions. */
function shown({ effect, verbs, filter, who, where }: RuleConfig): string {
  const people = who.users?.join() ?? (who.anonymous === true ? '-' : '*')
  return `${effect} ${verbs.join()} ${filter} @${people} ${where}`
}
const lines = (rules: readonly RuleConfig[]): string[] => rules.filter((rule) => rule.verbs[0] !== 'subscribe').map(shown)

describe('lines', () => {
  it('each kind, with comments, blank lines, CR LF, tabs and a byte order mark', () => {
    const { layers, flaws, doubts } = parse(`\uFEFF# comment\r
topic read anon/#\r
\r
  # indented
topic $SYS/broker/uptime
user ann
topic readwrite a/b c/+
topic deny a/deny/#
  topic write  w/x\u0020
user bob builder
topic #
user ann
topic\tread\tr/+
pattern read u/%u/dev-%c
pattern deny c/+/no
pattern %c%u
`)
    expect(flaws).toEqual([])
    expect(doubts).toEqual([])
    expect(lines(layers[0])).toEqual([
      'allow receive anon/# @- acl line 2',
      'allow publish,receive $SYS/broker/uptime @- acl line 5',
      'allow publish,receive a/b c/+ @ann acl line 7',
      'deny publish,receive a/deny/# @ann acl line 8',
      'allow publish w/x @ann acl line 9',
      'allow publish,receive # @bob builder acl line 11',
      'allow receive r/+ @ann acl line 13',
    ])
    expect(lines(layers[1])).toEqual([
      'allow receive u/{username}/dev-{clientId} @* acl line 14',
      'deny publish,receive c/+/no @* acl line 15',
      'allow publish,receive {clientId}{username} @* acl line 16',
    ])
  })

  it('every subscription is accepted: of the filters with $ those that the file speaks of, and $SYS', () => {
    const { layers } = parse('topic read $own/x/#\npattern read $own/%c')
    const subscriptions = layers[0].filter((rule) => rule.verbs.includes('subscribe'))
    expect(subscriptions.map((rule) => [rule.effect, rule.filter, rule.who])).toEqual([['allow', '#', NOBODY_SPECIAL], ['allow', '$SYS/#', NOBODY_SPECIAL], ['allow', '$own/#', NOBODY_SPECIAL]])
  })

  it('braces that are no placeholders are text', () => {
    expect(lines(parse('topic read {a}/{b').layers[0])).toEqual(['allow receive {a}/{b @- acl line 1'])
  })
})

describe('what is wrong', () => {
  it.each([
    ['topic', '`topic` has no topic filter', 'write `topic read FILTER`'],
    ['pattern', '`pattern` has no topic filter', 'write `pattern read FILTER`'],
    ['user', '`user` has no name', 'write `user NAME`; the lines below it are that user’s'],
    ['topic raed a', '"raed" is no access', 'did you mean read? write read, write, readwrite or deny before the filter; a filter with blanks needs one of them'],
    ['topic a b', '"a" is no access', 'write read, write, readwrite or deny before the filter; a filter with blanks needs one of them'],
    ['topic read a/#/b', '"a/#/b" is not a topic filter: # must be the last level', 'write levels separated by /, + for one level, # at the end for all below'],
    ['topic read a\0b', '"a·b" is not a topic filter: it has U+0000', 'write levels separated by /, + for one level, # at the end for all below'],
    ['topics read a', '"topics" begins no line of an ACL file', 'did you mean topic? a line is `user NAME`, `topic read FILTER` or `pattern read FILTER`; a comment starts with #'],
    ['ann:$7$101$x', '"ann:$7$101$x" begins no line of an ACL file', 'a line is `user NAME`, `topic read FILTER` or `pattern read FILTER`; a comment starts with #'],
    ['pattern read {clientId}/x', '"{clientId}/x" has a placeholder that Mosquitto takes for text', 'write %c or %u in a pattern, or the rule in gateway.yaml under access.rules'],
  ])('%j', (line, message, hint) => {
    expect(parse(`topic read ok\n${line}\n`).flaws).toEqual([{ line: 2, message, hint }])
  })

  it('what is no text, and too many lines', () => {
    expect(parse(Buffer.from('topic a\ntopic \xff', 'latin1')).flaws).toEqual([{ line: 2, message: 'this is not UTF-8 text', hint: 'give the right file, or write it anew' }])
    const many = parse('topic read a\n'.repeat(100_001))
    expect([many.flaws, many.layers[1]]).toEqual([[{ line: 100_001, message: 'there are more than 100000 lines', hint: 'give the right file, or write it anew' }], []])
    expect(parse('topic read a\n'.repeat(100_000)).flaws).toEqual([])
  })

  it('of many wrong lines twenty are told, and how many more there are', () => {
    const { flaws } = parse('x\n'.repeat(50))
    expect(flaws).toHaveLength(21)
    expect(flaws[20]).toMatchObject({ line: 50, message: '30 more lines are wrong' })
  })

  it.each([
    ['topic read', 'this allows all of the topic "read"'],
    ['pattern deny', 'this allows all of the topic "deny"'],
    ['topic read a/%c', '%c and %u are plain text in a `topic` line'],
    ['topic read $share/g/a', 'no topic begins with $share: "$share/g/a" is about nothing'],
  ])('%j is doubted', (line, message) => {
    const { doubts, flaws } = parse(line)
    expect([doubts.map((d) => d.message), flaws]).toEqual([[message], []])
  })
})

describe('access.aclFile', () => {
  let folder: string
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'sandpiper-acl-'))))
  afterAll(() => rmSync(folder, { recursive: true }))

  const load = (acl: string | null, options: LoadOptions = {}, rules = ''): LoadResult => {
    rmSync(join(folder, 'acl'), { force: true })
    if (acl !== null) writeFileSync(join(folder, 'acl'), acl)
    return checkText(`site: s\naccess:\n  aclFile: acl\n${rules}`, join(folder, 'gateway.yaml'), options)
  }
  const layersOf = (result: LoadResult): string[][] => ('config' in result ? result.config.access.rules.map(lines) : [])

  it('is layers behind the rules of the configuration, and is watched', () => {
    const result = load('user ann\ntopic a\npattern read %c', {}, '  rules: [{ allow: publish, topic: b }]')
    expect(layersOf(result)).toEqual([['allow publish b @* gateway.yaml line 4'], ['allow publish,receive a @ann acl line 2'], ['allow receive {clientId} @* acl line 3']])
    expect(result.files).toEqual([join(folder, 'acl')])
  })

  it('an empty one denies everything but subscribing', () => expect(layersOf(load(''))).toEqual([[], [], []]))

  it('a missing one is a problem; where the gateway must come up, nothing is allowed by it', () => {
    const refused = load(null)
    expect('problems' in refused && refused.problems.map((p) => [p.code, p.line, p.message])).toEqual([['E_SECRET', 3, `${join(folder, 'acl')} does not exist`]])
    expect(refused.files).toEqual([join(folder, 'acl')])
    const result = load(null, { secrets: 'optional' })
    expect('config' in result && [result.config.access.rules, result.warnings.map((w) => w.code)]).toEqual([[[], [], []], ['E_SECRET']])
  })

  it('a broken one is a problem for each line; where the gateway must come up, nothing is allowed by it', () => {
    const refused = load('topic a\ntopic raed a\nuser')
    expect('problems' in refused && refused.problems.map((p) => [p.line, p.message])).toEqual([
      [3, `${join(folder, 'acl')} line 2: "raed" is no access`],
      [3, `${join(folder, 'acl')} line 3: \`user\` has no name`],
    ])
    const result = load('topic a\ntopic raed a', { secrets: 'optional' })
    expect('config' in result && [result.config.access.rules, result.warnings.map((w) => w.message)]).toEqual([[[], [], []], [`${join(folder, 'acl')} line 2: "raed" is no access (nothing is allowed by this file)`]])
  })

  it('one of more than 10 MB is refused', () => {
    const refused = load('#'.repeat(10_000_001))
    expect('problems' in refused && refused.problems.map((p) => p.message)).toEqual([`${join(folder, 'acl')} is larger than 10 MB`])
  })

  it('a doubt is a warning', () => {
    const result = load('topic read')
    expect('warnings' in result && result.warnings.map((w) => w.message)).toEqual([`${join(folder, 'acl')} line 1: this allows all of the topic "read"`])
  })
})
