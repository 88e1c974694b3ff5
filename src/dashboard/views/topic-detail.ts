// The last message of the topic that is chosen, set out to be read.
import { confirm } from '../parts/dialog.ts'
import { h, show, write } from '../parts/dom.ts'
import { bytes, count, dateAndTime } from '../parts/format.ts'
import { setOut } from '../parts/payload.ts'
import { button, card, Figure } from '../parts/pieces.ts'
import type { Message } from '../parts/shapes.ts'
import type { TopicTree } from '../parts/topic-tree.ts'
import type { Desk } from '../parts/view.ts'

export class TopicDetail {
  readonly #desk: Desk
  readonly #name = h('p', { class: 'code topic-name' })
  readonly #payload = h('pre', { class: 'payload-box', tabindex: 0, 'aria-label': 'Payload' })
  readonly #figures = { at: new Figure('Came'), qos: new Figure('QoS'), size: new Figure('Size'), messages: new Figure('Messages seen') }
  readonly #buttons: HTMLElement
  readonly element: HTMLElement
  #topic: string | null = null
  #last: Message | null = null

  constructor(desk: Desk, publish: (message: Message) => void) {
    this.#desk = desk
    this.#buttons = h('div', { class: 'buttons' }, button('Publish to it', () => void (this.#last !== null && publish(this.#last))), button('Clear what is retained …', () => void this.#clear(), { class: 'quiet-button' }))
    const { at, qos, size, messages } = this.#figures
    this.element = card('Topic', [], this.#name, h('dl', { class: 'figures' }, at.element, qos.element, size.element, messages.element), this.#payload, this.#buttons)
    show(this.element, false)
  }

  choose(topic: string | null): void {
    this.#topic = topic
  }

  allow(isOperator: boolean): void {
    show(this.#buttons, isOperator)
  }

  draw(tree: TopicTree): void {
    const node = this.#topic === null ? null : tree.of(this.#topic)
    const message = node?.last ?? null
    show(this.element, message !== null)
    if (node === null || message === null || message === this.#last) return
    this.#last = message
    write(this.#name, message.topic)
    this.#figures.at.update(message.retain ? 'retained before' : dateAndTime(message.at))
    this.#figures.qos.update(String(message.qos))
    this.#figures.size.update(`${bytes(message.bytes)}${message.cut ? ', beginning shown' : ''}`)
    this.#figures.messages.update(count(node.messages))
    write(this.#payload, message.bytes === 0 ? '(empty)' : setOut(message))
  }

  async #clear(): Promise<void> {
    const topic = this.#topic
    if (topic === null || !(await confirm({ title: 'Clear the retained message?', text: `New subscribers of ${topic} will get nothing until somebody publishes there again.`, verb: 'Clear' }))) return
    await this.#desk.act(() => this.#desk.api.ask('DELETE', `/retained?topic=${encodeURIComponent(topic)}`), 'The retained message is cleared.')
  }
}
