// The README's examples of gateway.yaml are accepted, each as it stands there.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkText } from '../../../src/config/load.ts'

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
const BLOCKS = [...README.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1]!)

test('there are examples', () => expect(BLOCKS.length).toBeGreaterThanOrEqual(5))

test.each(BLOCKS.map((block) => [block.split('\n')[0]!, block]))('%s', (_, block) => {
  const text = block.startsWith('site:') ? block : `site: x\n${block}`
  const result = checkText(text, 'gateway.yaml', { secrets: 'skip' }) // the files are those of a site
  expect('problems' in result ? result.problems.map((p) => `${p.path}: ${p.message}: ${p.hint}`) : []).toEqual([])
})
