// The message explorer: topics as a tree, messages as they come, and a way to say something oneself.
import { h, set, write } from '../parts/dom.ts'
import { card, field, select } from '../parts/pieces.ts'
import type { Message } from '../parts/shapes.ts'
import type { Desk, View } from '../parts/view.ts'
import { Listening } from './listening.ts'
import { Tail } from './tail.ts'
import { TopicDetail } from './topic-detail.ts'
import { TopicList } from './topic-list.ts'

export function messagesView(desk: Desk): View {
  const tail = new Tail((topic) => choose(topic))
  const topics = new TopicList((topic) => choose(topic))
  const publish = new PublishForm(desk)
  const detail = new TopicDetail(desk, (message) => publish.take(message))
  const listening = new Listening(desk, (messages) => {
    for (const message of messages) topics.tree.add(message)
    tail.add(messages)
    topics.draw()
    detail.draw(topics.tree)
  }, () => {
    topics.clear()
    tail.clear()
    detail.choose(null)
  })
  const choose = (topic: string): void => {
    topics.choose(topic)
    detail.choose(topic)
    detail.draw(topics.tree)
  }
  const publishCard = card('Publish', [], publish.element)
  return {
    needs: [],
    element: h('div', { class: 'stack' }, listening.element,
      h('div', { class: 'explorer' }, card('Topics', [topics.note], topics.element), h('div', { class: 'stack' }, detail.element, card('As they come', [tail.rate], tail.element), publishCard))),
    update(site) {
      publishCard.hidden = !site.may('operator')
      detail.allow(site.may('operator'))
    },
    leave: () => listening.leave(),
  }
}

class PublishForm {
  readonly #desk: Desk
  readonly #topic = h('input', { required: true, autocapitalize: 'none', spellcheck: 'false', class: 'code' })
  readonly #payload = h('textarea', { rows: 3, spellcheck: 'false', class: 'code' })
  readonly #qos = select([['0', '0 · at most once'], ['1', '1 · at least once'], ['2', '2 · exactly once']], '1', () => {})
  readonly #retain = h('input', { type: 'checkbox' })
  readonly #said = h('span', { class: 'quiet', role: 'status' })
  readonly element: HTMLElement

  constructor(desk: Desk) {
    this.#desk = desk
    this.element = h('form', { class: 'form', onsubmit: (event: SubmitEvent) => void this.#submit(event) },
      field('Topic', this.#topic), field('Payload', this.#payload),
      h('div', { class: 'form-row' }, field('QoS', this.#qos), h('label', { class: 'check' }, this.#retain, ' Retain'), h('span', { class: 'grow' }), this.#said, h('button', { type: 'submit', class: 'primary' }, 'Publish')))
  }

  take({ topic, payload, encoding, cut }: Message): void {
    this.#topic.value = topic
    this.#payload.value = encoding === 'utf8' && !cut ? payload : ''
    this.#payload.focus()
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    write(this.#said, '')
    set(this.element, { 'aria-busy': 'true' })
    await this.#desk.act(async () => {
      const { receivers } = await this.#desk.api.ask<{ readonly receivers: number }>('POST', '/publish', { topic: this.#topic.value, payload: this.#payload.value, qos: Number(this.#qos.value), retain: this.#retain.checked })
      write(this.#said, receivers === 1 ? 'one receiver' : `${receivers} receivers`)
    }, 'The message is published.')
    set(this.element, { 'aria-busy': null })
  }
}
