// Which messages of a route are worth carrying: against the last one that was carried, for each topic by itself.
import { describe, expect, test } from 'vitest'
import type { PayloadFilterConfig } from '../../../src/config/config.ts'
import { makeMessage } from '../../../src/message.ts'
import { PayloadFilter } from '../../../src/uplink/payload-filter.ts'

/** What of a run of payloads, one second apart, is carried. */
function carried(config: Partial<PayloadFilterConfig>, payloads: readonly (string | Buffer)[], stepMs = 1000): (string | Buffer)[] {
  const filter = new PayloadFilter({ onChange: false, deadband: null, intervalMsMin: 0, silenceMsMax: Infinity, ...config })
  return payloads.filter((payload, i) => filter.takes(makeMessage('t', payload), 't', i * stepMs))
}

describe('onChange', () => {
  test('a payload that is the same byte for byte is not carried again', () => expect(carried({ onChange: true }, ['1', '1', '2', '2', '1'])).toEqual(['1', '2', '1']))

  test('one that was carried for its age is what the next is compared with', () => {
    expect(carried({ onChange: true, silenceMsMax: 3000 }, ['1', '1', '1', '1', '1', '2'])).toEqual(['1', '1', '2'])
  })

  test('long payloads are always a change', () => expect(carried({ onChange: true }, [Buffer.alloc(5000), Buffer.alloc(5000)])).toHaveLength(2))
})

describe('deadband', () => {
  const absolute = { deadband: { kind: 'absolute', by: 0.5 } } as const

  test('measured from what was carried, so that a slow drift is seen', () => expect(carried(absolute, ['20', '20.3', '20.5', '20.6', '20.9', '21.2'])).toEqual(['20', '20.6', '21.2']))

  test('relative: of the size of what was carried', () => {
    expect(carried({ deadband: { kind: 'relative', by: 0.1 } }, ['100', '109', '111', '-111', '-120', '-123'])).toEqual(['100', '111', '-111', '-123'])
  })

  test('relative, from zero: whatever is not zero', () => expect(carried({ deadband: { kind: 'relative', by: 0.5 } }, ['0', '0.0', '0.01'])).toEqual(['0', '0.01']))

  test('every number of a payload has to stay', () => {
    expect(carried(absolute, ['{"t":20,"h":50}', '{"t":20.4,"h":50.4}', '{"t":20.1,"h":51}', '{"t":19.7,"h":50.7}'])).toEqual(['{"t":20,"h":50}', '{"t":20.1,"h":51}'])
  })

  test('another text around the numbers, or another number of them, is a change', () => {
    expect(carried(absolute, ['{"t":20}', '{"t":20 }', '{"t":20 ,"x":1}', 'error', 'errors'])).toHaveLength(5)
  })

  test('numbers in every spelling', () => expect(carried(absolute, ['1e1', '10', '10.4', '1.2E+1', '-1e-9'])).toEqual(['1e1', '1.2E+1', '-1e-9']))
})

describe('intervals', () => {
  test('not sooner than the least interval, changed or not', () => expect(carried({ intervalMsMin: 2000 }, ['1', '2', '3', '4', '5'])).toEqual(['1', '3', '5']))
  test('silence that is too long is broken, however alike', () => expect(carried({ deadband: { kind: 'absolute', by: 9 }, silenceMsMax: 2000 }, ['1', '2', '3', '4'])).toEqual(['1', '3']))
})

test('each topic by itself', () => {
  const filter = new PayloadFilter({ onChange: true, deadband: null, intervalMsMin: 0, silenceMsMax: Infinity })
  const takes = (key: string): boolean => filter.takes(makeMessage('t', '1'), key, 0)
  expect([takes('a'), takes('b'), takes('a'), takes('b')]).toEqual([true, true, false, false])
})

test('memory is bounded: the topic that was carried longest ago is forgotten, and carried once more', () => {
  const filter = new PayloadFilter({ onChange: true, deadband: null, intervalMsMin: 0, silenceMsMax: Infinity })
  const takes = (key: string): boolean => filter.takes(makeMessage('t', '1'), key, 0)
  for (let i = 0; i < 10_001; i++) takes(`t${i}`)
  expect([takes('t5000'), takes('t10000'), takes('t0')]).toEqual([false, false, true])
})
