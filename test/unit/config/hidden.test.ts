// Secrets are not shown, and come back from their marks.
import { expect, test } from 'vitest'
import { hideSecrets, restoreSecrets } from '../../../src/config/hidden.ts'
import { checkText } from '../../../src/config/load.ts'

const USERS = 'access:\n  users:\n    - { name: a, password: "first one" } # of the pump\n    - name: b\n      password: second # kept\n'

function accepted(text: string) {
  const result = checkText(`site: s\n${text}`, '/nowhere/gateway.yaml')
  if ('problems' in result) throw new Error(result.problems[0]!.message)
  return result
}

function shown(text: string): string {
  const result = accepted(text)
  return hideSecrets(result.text, result.secrets)!
}

test('each secret becomes a mark; comments and everything else stay', () => {
  expect(shown(USERS)).toBe('site: s\naccess:\n  users:\n    - { name: a, password: (hidden 1) } # of the pump\n    - name: b\n      password: (hidden 2) # kept\n')
})

test('what is shown comes back as it was', () => {
  const { text, secrets } = accepted(USERS)
  expect(restoreSecrets(shown(USERS), text, secrets)).toMatchObject({ text, unknown: [] })
})

test('a mark is the secret it stood for, wherever it stands now', () => {
  const { text, secrets } = accepted(USERS)
  const marked = 'site: s\naccess: { users: [{ name: b, password: (hidden 2) }, { name: a, password: (hidden 1) }] }\n'
  expect(restoreSecrets(marked, text, secrets).text).toBe('site: s\naccess: { users: [{ name: b, password: second }, { name: a, password: "first one" }] }\n')
})

test('a secret of several lines is hidden with all of them, and comes back on one', () => {
  const block = 'access:\n  users:\n    - name: a\n      password: |-\n        one\n        two\n      tenant: null\n'.replace('      tenant: null\n', '')
  const { text, secrets, config } = accepted(block)
  const hidden = hideSecrets(text, secrets)!
  expect(hidden).not.toMatch(/one|two/)
  expect(hidden.split('\n').length).toBe(text.split('\n').length)
  const back = checkText(restoreSecrets(hidden, text, secrets).text, '/nowhere/gateway.yaml')
  expect('problems' in back ? back.problems : back.config.access).toEqual(config.access)
})

test('a secret that an anchor names twice is one', () => {
  const anchored = 'access:\n  users:\n    - { name: a, password: &p same }\n    - { name: b, password: *p }\n'
  expect(shown(anchored)).toContain('- { name: a, password: &p (hidden 1) }\n    - { name: b, password: *p }')
})

test('a mark that stands for nothing is told with its place', () => {
  const { text, secrets } = accepted(USERS)
  const marked = 'site: (hidden 3)\n'
  expect(restoreSecrets(marked, text, secrets)).toMatchObject({ text: marked, unknown: [{ start: 6 }] })
})

test('an offset behind a secret is where it was in the text with its mark', () => {
  const { text, secrets } = accepted(USERS)
  const marked = 'a: { x: (hidden 1), wrong: 1 }'
  const { text: whole, offsetInMarked } = restoreSecrets(marked, text, secrets)
  expect(offsetInMarked(whole.indexOf('wrong'))).toBe(marked.indexOf('wrong'))
  expect(offsetInMarked(whole.indexOf('first'))).toBe(marked.indexOf('(hidden'))
  expect(offsetInMarked(2)).toBe(2)
})

test('a text whose secret cannot be found is not shown at all', () => {
  const { text, secrets } = accepted(USERS)
  expect(hideSecrets(text.replace('second', '  second'), secrets)).toBe(null)
})

test('a key in a file of its own is no secret of the text', () => {
  expect(hideSecrets('key: /etc/key.pem', [{ path: 'key', start: 5, bytes: Buffer.from('k'), file: '/etc/key.pem' }])).toBe('key: /etc/key.pem')
})
