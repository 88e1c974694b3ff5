// Examples of gateway.yaml in the documentation are accepted, each as it stands there.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkText } from '../../../src/config/load.ts'

const TEXTS = ['README.md', 'image/CARD.md'].map((file) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'))
const BLOCKS = TEXTS.flatMap((text) => [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1]!))

test('there are examples', () => expect(BLOCKS.length).toBeGreaterThanOrEqual(5))

test.each(BLOCKS.map((block) => [block.split('\n')[0]!, block]))('%s', (_, block) => {
  const text = block.startsWith('site:') ? block : `site: x\n${block}`
  const result = checkText(text, 'gateway.yaml', { secrets: 'skip' }) // the files are those of a site
  expect('problems' in result ? result.problems.map((p) => `${p.path}: ${p.message}: ${p.hint}`) : []).toEqual([])
})
