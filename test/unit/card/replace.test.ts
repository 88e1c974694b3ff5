// A file on the card survives a power cut at any step of being replaced, and of being put right afterwards.
import { expect, test } from 'vitest'
import { leftOvers, recover, replaceOnCard } from '../../../src/card/replace.ts'
import { FatCard, PowerCut } from '../../support/fat-card.ts'

const OLD = 'site: old\n'
const NEW = 'site: new\n'

/** Every state that a cut may leave after each step of `work`, one after the other. */
function* cuts(make: () => FatCard, work: (card: FatCard) => void): Generator<FatCard> {
  for (let steps = 0; ; steps++) {
    const card = make()
    card.stepsLeft = steps
    try {
      work(card)
      return
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
    }
    for (const names of card.outcomes) yield new FatCard(names)
  }
}

const putRight = (card: FatCard): void => recover(card, leftOvers(card))

function expectWhole(card: FatCard): void {
  expect([OLD, NEW]).toContain(card.text('gateway.yaml'))
  expect(card.list().filter((name) => name.endsWith('.new'))).toEqual([])
}

test('no cut loses the user’s file, also when the next start is cut too', () => {
  const replace = (card: FatCard): void => replaceOnCard(card, 'gateway.yaml', Buffer.from(NEW))
  let states = 0
  for (const after of cuts(() => new FatCard({ 'gateway.yaml': OLD, 'README.txt': 'x' }), replace)) {
    const names = new Map(after.list().map((name) => [name, after.read(name)!]))
    for (const again of cuts(() => new FatCard(names), putRight)) {
      putRight(again)
      expectWhole(again)
    }
    putRight(after)
    expectWhole(after)
    expect(after.text('README.txt')).toBe('x')
    states++
  }
  expect(states).toBeGreaterThan(10)
})

test('without a cut the new text is there, and nothing beside it', () => {
  const card = new FatCard({ 'gateway.yaml': OLD })
  replaceOnCard(card, 'gateway.yaml', Buffer.from(NEW))
  expect(card.text('gateway.yaml')).toBe(NEW)
  expect(card.list()).toEqual(['gateway.yaml'])
  expect(leftOvers(card)).toEqual([])
})

test('a file that a person has written since is theirs', () => {
  const card = new FatCard({ 'gateway.yaml': 'site: mine\n', 'gateway.yaml.00000000.new': NEW, 'STATUS.txt.12345678.new': 'x' })
  putRight(card)
  expect(card.text('gateway.yaml')).toBe('site: mine\n')
  expect(card.list()).toEqual(['gateway.yaml'])
})

test('what is not whole does not become the file', () => {
  const whole = new FatCard({ 'gateway.yaml': OLD })
  whole.stepsLeft = 1
  expect(() => replaceOnCard(whole, 'gateway.yaml', Buffer.from(NEW))).toThrow(PowerCut)
  const aside = whole.list().find((name) => name.endsWith('.new'))!
  const card = new FatCard({ [aside]: 'site: n' })
  putRight(card)
  expect(card.list()).toEqual([])
})

test('names are told apart whatever their case: a laptop may have changed it', () => {
  const card = new FatCard({ 'GATEWAY.YAML.00000000.NEW': 'x', 'gateway.yaml': OLD })
  putRight(card)
  expect(card.list()).toEqual(['gateway.yaml'])
})

test('a card that does not keep what is written to it keeps the file', () => {
  const card = new FatCard({ 'gateway.yaml': OLD })
  const forgetful = Object.assign(Object.create(card) as FatCard, { read: (name: string) => (name.endsWith('.new') ? Buffer.from('other') : card.read(name)), list: () => card.list(), remove: (name: string) => card.remove(name), writeNew: (name: string, bytes: Uint8Array) => card.writeNew(name, bytes) })
  expect(() => replaceOnCard(forgetful, 'gateway.yaml', Buffer.from(NEW))).toThrow('the card does not hold what was written to it')
  expect(card.text('gateway.yaml')).toBe(OLD)
})
