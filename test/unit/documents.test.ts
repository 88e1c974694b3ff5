// What the documents say is so: examples of gateway.yaml are accepted as they stand there, and no link leads nowhere.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { checkText } from '../../src/config/load.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const DOCUMENTS = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')

const EXAMPLES = DOCUMENTS.filter((path) => path === 'README.md' || path === 'image/CARD.md' || path.startsWith('src/docs/guide/')).flatMap((path) =>
  [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => [path, text!.split('\n')[0]!, text!] as const))

test('there are examples', () => expect(EXAMPLES.length).toBeGreaterThanOrEqual(13))

test.each(EXAMPLES)('%s: %s', (_path, _title, block) => {
  const text = block.startsWith('site:') ? block : `site: x\n${block}`
  const result = checkText(text, 'gateway.yaml', { secrets: 'skip' }) // the files are those of a site
  expect('problems' in result ? result.problems.map((p) => `${p.path}: ${p.message}: ${p.hint}`) : []).toEqual([])
})

/** As GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}

test.each(DOCUMENTS)('%s: every link leads somewhere', (path) => {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !/^https?:/.test(link))
  for (const link of links) {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file)
    expect(existsSync(join(ROOT, target)), link).toBe(true)
    if (anchor !== undefined) expect(anchorsOf(readFileSync(join(ROOT, target), 'utf8')), link).toContain(anchor)
  }
})
