// One module of many: in which order they run, what they see of each other, and what is refused.
import { describe, expect, test } from 'vitest'
import { link } from '../../../src/dashboard/link.ts'

const linked = (files: Readonly<Record<string, string>>) => link('page/main.ts', (name) => {
  const text = files[name]
  if (text === undefined) throw new Error(`there is no ${name}`)
  return text
})

/** Runs it, and answers what the entry has put into `out`. */
function run(files: Readonly<Record<string, string>>): unknown[] {
  const out: unknown[] = []
  // oxlint-disable-next-line no-new-func -- what is linked is code
  new Function('out', linked(files).code)(out)
  return out
}

describe('link', () => {
  test('each module runs once, after those it needs; names stay apart', () => {
    const files = {
      'page/main.ts': "import { a } from '../parts/a.ts'\nimport { b as other } from '../parts/b-c.ts'\nconst secret = 3\nout.push(a(), other, secret)",
      'parts/a.ts': "import { b } from './b-c.ts'\nconst secret = 1\nexport function a() { return b + secret }",
      'parts/b-c.ts': "out.push('b')\nconst secret = 10\nexport const b = secret",
    }
    expect(linked(files).modules).toEqual(['parts/b-c.ts', 'parts/a.ts', 'page/main.ts'])
    expect(run(files)).toEqual(['b', 11, 10, 3])
  })

  test('classes and functions that wait; an import of nothing but types', () => {
    expect(run({
      'page/main.ts': "import { A, f } from './a.ts'\nimport {        } from './types.ts'\nout.push(new A().x, f() instanceof Promise)",
      'page/a.ts': 'export class A { x = 1 }\nexport async function f() {}',
      'page/types.ts': '',
    })).toEqual([1, true])
  })

  test('what is imported from a package stays at the top, once', () => {
    const { code } = linked({ 'page/main.ts': "import plot, {  } from 'plot'\nimport { a } from './a.ts'\na(plot)", 'page/a.ts': "import plot from 'plot'\nexport const a = () => plot" })
    expect(code.match(/^import .*$/gm)).toEqual(["import plot from 'plot'"])
  })

  test.each([
    ['a circle', { 'page/main.ts': "import { a } from './a.ts'", 'page/a.ts': "import { b } from './main.ts'\nexport const a = 1" }, /needs itself/],
    ['a default', { 'page/main.ts': 'export default 1' }, /not linked: export default 1/],
    ['a list of exports', { 'page/main.ts': 'const a = 1\nexport { a }' }, /not linked: export \{ a \}/],
    ['passing on', { 'page/main.ts': "export * from './a.ts'" }, /not linked/],
    ['for its effects only', { 'page/main.ts': "import './a.ts'" }, /not linked/],
    ['a name of a package', { 'page/main.ts': "import { a } from 'plot'" }, /only a package's default/],
    ['what is not there', { 'page/main.ts': "import { a } from './a.ts'" }, /there is no page\/a\.ts/],
  ])('refused: %s', (_, files, why) => {
    expect(() => linked(files as never)).toThrow(why)
  })
})
