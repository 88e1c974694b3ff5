// Renaming on the way over the link is one-to-one.
import { describe, expect, it } from 'vitest'
import { compileRemap, filtersOverlap, remapProblem } from '../../../src/config/routes.ts'
import { matches, topicFilterProblem } from '../../../src/mqtt/topic.ts'

describe('compileRemap', () => {
  it.each([
    ['a/b', 'c', 'a/b', 'c'],
    ['a/b', 'c', 'a/b/c', null],
    ['sensors/#', 'sites/x/sensors/#', 'sensors/tank/level', 'sites/x/sensors/tank/level'],
    ['sensors/#', 'sites/x/sensors/#', 'sensors', 'sites/x/sensors'],
    ['sensors/#', 'sites/x/sensors/#', 'sensors/', 'sites/x/sensors/'],
    ['sensors/#', 'sites/x/sensors/#', 'sensors2/tank', null],
    ['sensors/#', 'sensors/#', 'sensors/a', 'sensors/a'],
    ['#', 'sites/x/#', 'a/b', 'sites/x/a/b'],
    ['#', 'sites/x/#', '$SYS/uptime', null],
    ['$SYS/#', 'sites/x/sys/#', '$SYS/uptime', 'sites/x/sys/uptime'],
    ['sites/x/#', '#', 'sites/x/a', 'a'],
    ['sites/x/#', '#', 'sites/x', null],
    ['sites/x/#', '#', 'sites/x/', null],
    ['sites/x/#', '#', 'sites/x/$SYS/a', null],
    ['a/#', '/#', 'a', null],
    ['a/#', '/#', 'a/b', '/b'],
    ['+/state', 'site/+', 'pump/state', 'site/pump'],
    ['+/state', 'site/+', 'pump/other', null],
    ['+/state', 'site/+', '$x/state', null],
    ['site/+', '+/state', 'site/$x', null],
    ['a/+', '+', 'a/', null],
    ['a/+/b/+/#', '+/x/+/#', 'a/1/b/2/c/d', '1/x/2/c/d'],
    ['a/+/b/+/#', '+/x/+/#', 'a/1/b/2', '1/x/2'],
    ['a/+/b/+/#', '+/x/+/#', 'a/1/b', null],
  ])('%s → %s: %s', (from, to, name, expected) => expect(compileRemap(from, to)(name)).toBe(expected))

  it('gives no name longer than MQTT carries', () => {
    const remap = compileRemap('a/#', 'abc/#')
    expect(remap(`a/${'x'.repeat(65_531)}`)).toHaveLength(65_535)
    expect(remap(`a/${'x'.repeat(65_532)}`)).toBeNull()
    expect(remap(`a/${'ü'.repeat(32_766)}`)).toBeNull()
    expect(compileRemap('a/+', 'abc/+')(`a/${'x'.repeat(65_532)}`)).toBeNull()
  })

  it('throws for filters that do not fit', () => expect(() => compileRemap('a/+', 'b')).toThrow('"a/+" cannot become "b": one has +, the other none'))

  const SEED = 7
  it(`is undone by the way back, and stays inside both filters (seed ${SEED})`, () => {
    let state = SEED
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const pick = (words: readonly string[]): string => words[random(words.length)]!
    const WORDS = ['a', 'b', '', '$x', 'ü', 'a b']
    // Both filters hold the same wildcards; fixed levels around them differ.
    const filter = (wildcards: readonly string[]): string => {
      const levels: string[] = []
      for (const wildcard of wildcards) {
        for (let n = random(3); n > 0; n--) levels.push(pick(WORDS))
        levels.push(wildcard)
      }
      if (wildcards.at(-1) !== '#') for (let n = random(2) + (levels.length === 0 ? 1 : 0); n > 0; n--) levels.push(pick(WORDS))
      return levels.join('/')
    }
    let carried = 0
    const wrong: string[] = []
    for (let round = 0; round < 20_000; round++) {
      const wildcards = [...Array.from({ length: random(3) }, () => '+'), ...(random(2) === 0 ? ['#'] : [])]
      const from = filter(wildcards)
      const to = filter(wildcards)
      if (topicFilterProblem(from) !== null || topicFilterProblem(to) !== null) continue
      if (remapProblem(from, to) !== null) wrong.push(`${from} → ${to} refused`)
      const name = from
        .split('/')
        .flatMap((level) => (level === '+' ? [pick(WORDS)] : level === '#' ? Array.from({ length: random(3) }, () => pick(WORDS)) : [level]))
        .join('/')
      if (name === '') continue
      const there = compileRemap(from, to)(name)
      const label = `${from} → ${to}: ${name}`
      if (there === null) {
        const mayRefuse = !matches(from, name) || /^[+#]/.test(to) || to === '/#'
        if (!mayRefuse) wrong.push(`${label} refused`)
        continue
      }
      carried++
      if (!matches(from, name) || !matches(to, there) || compileRemap(to, from)(there) !== name) wrong.push(`${label} became ${there}`)
    }
    expect(wrong).toEqual([])
    expect(carried).toBeGreaterThan(10_000)
  })
})

describe('filtersOverlap', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a/+', 'a/b', true],
    ['a/+', '+/b', true],
    ['a/+', 'b/+', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/b/#', 'a', false],
    ['a/#', '+/b', true],
    ['#', 'a', true],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['#', '+', true],
    ['a/+/c', 'a/b/d', false],
    ['a', 'a/b', false],
  ])('%s and %s', (a, b, expected) => {
    expect(filtersOverlap(a, b)).toBe(expected)
    expect(filtersOverlap(b, a)).toBe(expected)
  })
})
