// The reference says all that the schema does, and every example in it is one that the checker takes.
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { jsonSchema } from '../../../src/config/gateway-schema.ts'
import { checkText } from '../../../src/config/load.ts'
import { examplesOf, pageOf, sections, wholeMarkdown } from '../../../src/docs/docs.ts'
import { EXAMPLES } from '../../../src/docs/examples.ts'
import { allKeys, plain } from '../../../src/docs/reference.ts'

interface Json {
  readonly [keyword: string]: unknown
}

/** Every key of the schema by its path, by a walk of its own: wherever there are `properties`. */
function pathsOf(json: Json, path: string): string[] {
  const inner = ['items', 'additionalProperties'].flatMap((word) => (typeof json[word] === 'object' ? pathsOf(json[word] as Json, `${path}${word === 'items' ? '' : '.*'}`) : []))
  const any = ((json['anyOf'] as Json[] | undefined) ?? []).flatMap((one) => pathsOf(one, path))
  const own = Object.entries((json['properties'] as Record<string, Json> | undefined) ?? {}).flatMap(([name, child]) => [`${path}.${name}`, ...pathsOf(child, `${path}.${name}`)])
  return [...inner, ...any, ...own]
}

const keys = [...allKeys(sections())]

describe('all of the schema', () => {
  test('every key is there, and nothing else', () => {
    const wanted = new Set(pathsOf(jsonSchema(), '').map((path) => path.slice(1)))
    expect(wanted.size).toBeGreaterThan(400)
    expect(new Set(keys.map(({ path }) => plain(path)))).toEqual(wanted)
  })

  test('every key says what it is for, and what may be written', () => {
    expect(keys.filter(({ description }) => description.split(' ').length < 2).map(({ path, description }) => `${path}: ${description}`)).toEqual([])
    expect(keys.filter(({ value }) => value === '' || value.includes('a value')).map(({ path, value }) => `${path}: ${value}`).filter((line) => !line.includes('the name of a value'))).toEqual([])
  })

  test('bounds, defaults and words of a choice', () => {
    const found = (path: string) => keys.find((key) => plain(key.path) === path)
    expect(found('store.commitWindow')).toMatchObject({ value: 'a duration from 0 to 10s', default: '60ms', need: 'optional' })
    expect(found('uplinks.routes.qos')).toMatchObject({ value: '0, 1 or 2', default: '1' })
    expect(found('site')).toMatchObject({ need: 'required', default: null })
    expect(found('uplinks.maxInflight')!.value).toBe('a whole number from 1 to 65535')
  })

  test('kinds of sensors have their own keys, and share the others', () => {
    const sensors = sections().find(({ name }) => name === 'sensors')!
    expect(sensors.keys.map(({ name }) => name)).toContain('topic')
    expect(sensors.kinds.map(({ name }) => name)).toContain('modbus')
    expect(sensors.kinds.find(({ name }) => name === 'serial')!.keys.map(({ name }) => name)).toContain('decode')
  })
})

describe('examples', () => {
  test('every section has one, and none is of no section', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(sections().map(({ name }) => name).sort())
    expect(Object.values(EXAMPLES).every((examples) => examples.length > 0)).toBe(true)
  })

  test.each(Object.entries(EXAMPLES).flatMap(([section, examples]) => examples.map(({ title, yaml }) => [section, title, yaml] as const)))('%s: %s', (section, _title, yaml) => {
    const result = checkText(section === 'site' ? yaml : `site: well-07\n${yaml}`, join(tmpdir(), 'gateway.yaml'), { secrets: 'optional' })
    expect('problems' in result ? result.problems.map(({ message, hint }) => `${message}: ${hint}`) : []).toEqual([])
    expect(yaml).toMatch(new RegExp(`^${section}:`, 'm'))
  })
})

describe('on a terminal', () => {
  const page = (what: string | null, columns = 80) => pageOf(what, { columns, isTty: false })

  test.each([50, 80, 200])('no line is longer than it is wide: %i', (columns) => {
    for (const what of [null, 'uplinks', 'sensors']) {
      const shown = page(what, columns)
      const lines = 'text' in shown ? shown.text.split('\n').filter((line) => !line.startsWith('    ') && !line.startsWith('sandpiper docs')) : []
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(Math.min(columns, 100))
    }
  })

  test('a section, a key by its path, and a key by its name', () => {
    expect(page('store')).toMatchObject({ text: expect.stringMatching(/^store: a group of keys; \{\} when left out\n {4}Where messages are kept until they are delivered\.\n\n {2}path: a folder; \.\/data when left out\n {6}Folder of the database/) })
    expect(page('store')).toMatchObject({ text: expect.stringContaining('Example: A card that has to last') })
    expect(page('uplinks.links.connect')).toMatchObject({ text: expect.stringContaining('uplinks[].links[].connect: always or a group of keys') })
    expect(page('commitWindow')).toMatchObject({ text: expect.stringMatching(/^store\.commitWindow: /) })
    expect(page('whenFull')).toMatchObject({ text: expect.stringMatching(/^broker\.sessionQueue\.whenFull .*\n[\s\S]*uplinks\.queue\.whenFull/) })
  })

  test('what there is not', () => expect(page('sensorz')).toEqual({ unknown: 'gateway.yaml has no sensorz: did you mean sensors?' }))
})

test('as Markdown: a chapter for each section, its keys, its examples', () => {
  const text = wholeMarkdown()
  for (const { name, description } of sections()) expect(text).toContain(`## ${name}\n\n${description}`)
  expect(text).toContain('- `commitWindow`: a duration from')
  expect(text.match(/```yaml\n/g)).toHaveLength(sections().reduce((sum, { name }) => sum + examplesOf(name).length, 0))
})
