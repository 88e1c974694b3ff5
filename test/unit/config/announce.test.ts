// `announce`: what is accepted, and what a person is warned of.
import { expect, test } from 'vitest'
import { check } from './gateway-yaml.ts'

const AS_IT_IS = 'sensors: [{ name: raw, topic: t, simulate: { kind: sine } }]\n'

function warnings(text: string): string[] {
  const result = check(`site: s\n${text}`)
  if ('problems' in result) throw new Error(result.problems[0]!.message)
  return result.warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

test('it stands for nothing where it is empty', () => expect(warnings(`${AS_IT_IS}announce: {}`)).toEqual([]))
test('there is nothing to announce', () => expect(warnings('announce: { homeAssistant: {} }')).toEqual(['2:11 there is nothing to announce']))
test('a payload of the source alone tells no values', () => {
  expect(warnings(`${AS_IT_IS}announce: { sparkplug: {} }`)).toEqual(['2:19 the sensor `raw` is published as it comes, and not announced'])
})

test('a sensor and an output of one name are two things to Home Assistant, and in two tenants', () => {
  const outputs = 'outputs: [{ name: raw, tenant: acme, gpio: { line: GPIO1 }, command: a, state: b }]\ntenants: [{ name: acme }]\n'
  const sensors = 'sensors: [{ name: raw, topic: t, simulate: { kind: sine }, every: 1s }]\n'
  expect(warnings(`${sensors}${outputs}announce: { sparkplug: {} }`)).toEqual([])
  expect(warnings(`${sensors}${outputs.replace('tenant: acme, ', '')}announce: { homeAssistant: {} }`)).toEqual([])
})
