// The tree of topics as lists in lists: only what is open is there. Keys: Tab and Enter, and the arrows as in a tree.
import { h, type Item, Items, set, show, write } from '../parts/dom.ts'
import { count, plural } from '../parts/format.ts'
import { inOneLine } from '../parts/payload.ts'
import { sorted, type TopicNode, TopicTree } from '../parts/topic-tree.ts'

const CHILDREN_MAX = 300
const PREVIEW_CHARS_MAX = 60
/** Open by itself, until there is more than this beside each other. */
const OPEN_MAX = 12

export class TopicList {
  readonly tree = new TopicTree()
  readonly note = h('span', { class: 'quiet number' })
  readonly element: HTMLElement
  readonly #none = h('p', { class: 'empty' }, 'No topic yet.')
  readonly #top: Branch
  readonly #open = new Set<string>()
  readonly #shut = new Set<string>()
  readonly #choose: (topic: string) => void
  #chosen: string | null = null

  constructor(choose: (topic: string) => void) {
    this.#choose = choose
    this.#top = new Branch(this)
    this.element = h('div', { class: 'topics', onkeydown: (event: KeyboardEvent) => this.#key(event) }, this.#none, this.#top.element)
  }

  draw(): void {
    show(this.#none, this.tree.root.children.size === 0)
    this.#top.draw(this.tree.root)
    write(this.note, `${plural(this.tree.root.topics, 'topic')}${this.tree.left > 0 ? `, ${count(this.tree.left)} messages of others` : ''}`)
  }

  clear(): void {
    this.tree.clear()
    this.#open.clear()
    this.#shut.clear()
    this.draw()
  }

  choose(topic: string): void {
    this.#chosen = topic
    const levels = topic.split('/')
    for (let i = 1; i < levels.length; i++) this.#set(levels.slice(0, i).join('/'), true)
    this.draw()
  }

  pick(topic: string): void {
    this.#choose(topic)
  }

  isChosen(topic: string): boolean {
    return topic === this.#chosen
  }

  isOpen({ topic, children }: TopicNode, siblings: number): boolean {
    return children.size > 0 && (this.#open.has(topic) || (siblings <= OPEN_MAX && children.size <= OPEN_MAX && !this.#shut.has(topic)))
  }

  toggle(topic: string, isOpen: boolean): void {
    this.#set(topic, isOpen)
    this.draw()
  }

  #set(topic: string, isOpen: boolean): void {
    ;(isOpen ? this.#open : this.#shut).add(topic)
    ;(isOpen ? this.#shut : this.#open).delete(topic)
  }

  #key(event: KeyboardEvent): void {
    const rows = [...this.element.querySelectorAll<HTMLButtonElement>('button.topic')]
    const at = rows.indexOf(document.activeElement as HTMLButtonElement)
    if (at === -1) return
    const topic = rows[at]!.dataset['topic']!
    if (event.key === 'ArrowDown') rows[at + 1]?.focus()
    else if (event.key === 'ArrowUp') rows[at - 1]?.focus()
    else if (event.key === 'ArrowRight') this.toggle(topic, true)
    else if (event.key === 'ArrowLeft') this.toggle(topic, false)
    else return
    event.preventDefault()
  }
}

interface Leaf {
  readonly node: TopicNode
  readonly siblings: number
}

class Branch {
  readonly #items: Items<Leaf>
  readonly #more = h('li', { class: 'quiet' })
  readonly element = h('ul')

  constructor(list: TopicList) {
    this.#items = new Items(this.element, ({ node }) => `/${node.level}`, () => leafItem(list))
  }

  draw(node: TopicNode): void {
    const children = sorted(node)
    this.#more.remove()
    this.#items.update(children.slice(0, CHILDREN_MAX).map((child) => ({ node: child, siblings: children.length })))
    if (children.length <= CHILDREN_MAX) return
    write(this.#more, `… and ${count(children.length - CHILDREN_MAX)} more: set a narrower filter`)
    this.element.append(this.#more)
  }
}

function leafItem(list: TopicList): Item<Leaf> {
  let topic = ''
  let isOpen = false
  let branch: Branch | null = null
  const level = h('span', { class: 'level' })
  const below = h('span', { class: 'quiet below' })
  const last = h('span', { class: 'last code' })
  const toggle = h('button', { type: 'button', class: 'toggle', tabindex: -1, onclick: () => list.toggle(topic, !isOpen) })
  const button = h('button', { type: 'button', class: 'topic', onclick: () => {
    list.pick(topic)
    if (branch === null || !isOpen) list.toggle(topic, true)
  } }, level, below, last)
  const element = h('li', {}, h('div', { class: 'topic-row' }, toggle, button))
  return {
    element,
    update({ node, siblings }) {
      topic = node.topic
      isOpen = list.isOpen(node, siblings)
      const isLeaf = node.children.size === 0
      button.dataset['topic'] = topic
      set(toggle, { 'aria-label': isOpen ? `Close ${topic}` : `Open ${topic}`, 'data-open': String(isOpen), 'data-leaf': String(isLeaf), 'aria-hidden': isLeaf ? 'true' : null })
      set(button, { 'aria-expanded': isLeaf ? null : String(isOpen), 'aria-current': list.isChosen(topic) ? 'true' : null })
      write(level, node.level === '' ? '(empty level)' : node.level)
      write(below, isLeaf || isOpen ? '' : plural(node.topics, 'topic'))
      write(last, node.last === null ? '' : inOneLine(node.last).slice(0, PREVIEW_CHARS_MAX))
      if (!isOpen) {
        branch?.element.remove()
        return void (branch = null)
      }
      if (branch === null) element.append((branch = new Branch(list)).element)
      branch.draw(node)
    },
  }
}
