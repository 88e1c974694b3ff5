// Topics as a tree, with the last message of each. Pure, and bounded: what there is no room for is counted.
import type { Message } from './shapes.ts'

const NODES_MAX = 3000

export interface TopicNode {
  /** The level's own text; may be empty. */
  readonly level: string
  readonly topic: string
  readonly children: Map<string, TopicNode>
  /** Messages of this topic since the page listens. */
  messages: number
  /** Topics at and below it that have had a message. */
  topics: number
  last: Message | null
}

export class TopicTree {
  readonly root = nodeOf('', '')
  #nodes = 0
  /** Messages of topics that there was no room for. */
  left = 0

  add(message: Message): void {
    const levels = message.topic.split('/')
    const path: TopicNode[] = []
    let node = this.root
    for (const level of levels) {
      let next = node.children.get(level)
      if (next === undefined) {
        if (this.#nodes >= NODES_MAX) {
          this.left++
          return
        }
        this.#nodes++
        node.children.set(level, (next = nodeOf(level, node === this.root ? level : `${node.topic}/${level}`)))
      }
      path.push((node = next))
    }
    if (node.last === null) for (const one of [this.root, ...path]) one.topics++
    node.last = message
    node.messages++
  }

  of(topic: string): TopicNode | null {
    let node: TopicNode | undefined = this.root
    for (const level of topic.split('/')) if ((node = node.children.get(level)) === undefined) return null
    return node
  }

  clear(): void {
    this.root.children.clear()
    this.root.topics = 0
    this.#nodes = 0
    this.left = 0
  }
}

function nodeOf(level: string, topic: string): TopicNode {
  return { level, topic, children: new Map(), messages: 0, topics: 0, last: null }
}

/** In the order of people: numbers by their value. */
export function sorted(node: TopicNode): TopicNode[] {
  return [...node.children.values()].sort((a, b) => a.level.localeCompare(b.level, undefined, { numeric: true }))
}
