import { expect, test } from 'vitest'
import type { LineReference, PinMap } from '../../../src/board/pin-map.ts'
import { Gpio } from '../../../src/gpio/gpio.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const BOARD: PinMap = {
  title: 'a board',
  chips: [{ label: 'no-such-chip', lines: 8, pulls: true }],
  pins: [
    { pin: 1, name: '3V3', kind: 'power', line: null, also: [], label: null, use: null, fixedPull: null, only: null },
    { pin: 2, name: 'GPIO2', kind: 'line', line: { chip: 'no-such-chip', offset: 2 }, also: [], label: null, use: null, fixedPull: null, only: null },
  ],
  isOpen: false,
}
const SPEC = { activeLow: false, edges: 'none', pull: null, debounceMs: 0 } as const

const refusal = (pins: PinMap | null, line: LineReference): Promise<string> =>
  new Gpio(new FakeClock(), pins, null).openInput({ line, interface: 'device' }, SPEC, { edges: null, lost: () => {} }).then(() => 'opened', (error: Error) => `${error.name}: ${error.message}`)

test.each<[string, PinMap | null, LineReference, string]>([
  ['a pin of a board that nobody knows', null, { kind: 'pin', pin: 11 }, 'LineError: pin 11 is of a header, and which board this is is not known: set `board`'],
  ['a pin that is no line', BOARD, { kind: 'pin', pin: 1 }, 'LineError: pin 1 of a board is the 3V3 supply'],
  ['a line whose chip is not there', BOARD, { kind: 'name', name: 'GPIO2' }, 'LineError: there is no GPIO chip "no-such-chip"'],
  ['a name that no device tree gives', null, { kind: 'name', name: 'NO-SUCH-LINE' }, 'LineError: '],
  ['a chip and an offset', null, { kind: 'chip', label: 'no-such-chip', offset: 3 }, 'LineError: there is no GPIO chip "no-such-chip"'],
])('%s', async (_, pins, line, said) => expect(await refusal(pins, line)).toContain(said))
