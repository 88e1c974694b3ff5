// Versions are ordered as Semantic Versioning orders them, and are safe as a folder's name.
import { expect, test } from 'vitest'
import { compareVersions, isVersion } from '../../../src/update/version.ts'

test('precedence, section 11', () => {
  const ascending = ['0.9.10', '1.0.0-1', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.1', '1.2.0', '1.10.0', '2.0.0']
  for (const [i, a] of ascending.entries()) for (const [j, b] of ascending.entries()) expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).toBe(Math.sign(i - j))
})

test.each(['', '1', '1.0', '1.0.0.0', 'v1.0.0', '1.0.0/..', '../1.0.0', '1.0.0-', '1.0.0-a..b', '1.0.0+build', '1.0.0\n', '1.0.0-a/b', `1.0.0-${'a'.repeat(64)}`, '9999999999.0.0'])('%j is none', (text) => {
  expect(isVersion(text)).toBe(false)
})
