// Messages as they come, newest first.
import { now } from '../parts/clock.ts'
import { h, write } from '../parts/dom.ts'
import { rate, timeOfDay } from '../parts/format.ts'
import { inOneLine } from '../parts/payload.ts'
import type { Message } from '../parts/shapes.ts'

const ROWS_MAX = 200
const LINE_CHARS_MAX = 200
const RATE_MS = 10_000

export class Tail {
  readonly #choose: (topic: string) => void
  readonly #rows = h('ol', { class: 'rows', 'aria-label': 'Messages, newest first' })
  readonly #none = h('p', { class: 'empty' }, 'Nothing has come yet.')
  readonly element = h('div', { class: 'tail', tabindex: 0, role: 'region', 'aria-label': 'Messages as they come' }, this.#none, this.#rows)
  readonly rate = h('span', { class: 'quiet number' })
  #came: { readonly atMs: number; readonly messages: number }[] = []

  constructor(choose: (topic: string) => void) {
    this.#choose = choose
  }

  add(messages: readonly Message[]): void {
    const fresh = messages.filter(({ retain }) => !retain)
    if (fresh.length === 0) return
    this.#none.hidden = true
    this.#rows.prepend(...fresh.slice(-ROWS_MAX).toReversed().map((message) => this.#row(message)))
    while (this.#rows.childElementCount > ROWS_MAX) this.#rows.lastElementChild!.remove()
    this.#count(fresh.length)
  }

  clear(): void {
    this.#rows.replaceChildren()
    this.#none.hidden = false
    this.#came = []
    write(this.rate, '')
  }

  #row(message: Message): HTMLLIElement {
    const { topic, at } = message
    return h('li', {},
      h('time', { datetime: at }, timeOfDay(at)),
      h('button', { type: 'button', class: 'link code', onclick: () => this.#choose(topic) }, topic),
      h('span', { class: 'code payload' }, inOneLine(message).slice(0, LINE_CHARS_MAX)))
  }

  #count(messages: number): void {
    const atMs = now()
    this.#came = [...this.#came.filter((one) => atMs - one.atMs < RATE_MS), { atMs, messages }]
    const spanMs = Math.max(1000, atMs - this.#came[0]!.atMs)
    write(this.rate, `${rate((this.#came.reduce((sum, one) => sum + one.messages, 0) / spanMs) * 1000)} per second`)
  }
}
