// What the gateway has said of late, and says now; newest first.
import { keepListening, NoAnswer, Refused } from '../parts/api.ts'
import { h, show, write } from '../parts/dom.ts'
import { dateAndTime } from '../parts/format.ts'
import { button, card, field, select } from '../parts/pieces.ts'
import type { LogLine } from '../parts/shapes.ts'
import type { Desk, View } from '../parts/view.ts'

const LINES_MAX = 1000
const FIRST = 300
const LEVELS = [['debug', 'Debug and graver'], ['info', 'All that is told'], ['warn', 'Warnings and errors'], ['error', 'Errors only']] as const

export function logsView(desk: Desk): View {
  const log = new Log(desk)
  return { needs: [], element: log.element, update() {}, leave: () => log.leave() }
}

class Log {
  readonly element: HTMLElement
  readonly #desk: Desk
  readonly #rows = h('ol', { class: 'log', 'aria-label': 'Lines of the log, newest first' })
  readonly #none = h('p', { class: 'empty' }, 'No line is like this.')
  readonly #state = h('span', { class: 'quiet', role: 'status' })
  readonly #words = h('input', { type: 'search', oninput: () => this.#filter(), autocapitalize: 'none', spellcheck: 'false' })
  readonly #level: HTMLSelectElement
  readonly #switch = button('Pause', () => (this.#stopping === null ? this.#follow() : this.#stop('Paused.')))
  readonly #support = button('Support bundle', () => void this.#save(), { title: 'What somebody who helps has to know, without its secrets: a .tar.gz', class: 'quiet-button' })
  #stopping: AbortController | null = null
  #isHeld = false

  constructor(desk: Desk) {
    this.#desk = desk
    this.#level = select(LEVELS, 'info', () => this.#follow())
    this.element = h('div', { class: 'stack' }, h('div', { class: 'find' }, field('Level', this.#level), field('Find', this.#words), this.#switch, this.#state, h('span', { class: 'grow' }), this.#support), card('Log', [], this.#rows, this.#none))
    document.addEventListener('visibilitychange', this.#seen)
    show(this.#support, desk.site.may('admin'))
    this.#follow()
  }

  leave(): void {
    this.#stop('')
    document.removeEventListener('visibilitychange', this.#seen)
  }

  #follow(): void {
    this.#stop('')
    const stopping = (this.#stopping = new AbortController())
    write(this.#switch, 'Pause')
    void keepListening(this.#desk.api, `/log/follow?level=${this.#level.value}`, stopping.signal, (event, data) => {
      if (event === 'line') this.#add([data as LogLine])
      else write(this.#state, `Following. ${(data as { readonly count: number }).count} lines came too fast.`)
    }, (isOn, why) => {
      if (stopping.signal.aborted) return
      write(this.#state, isOn ? 'Following.' : `Not following${why === null ? '' : `: ${why}`}; again soon.`)
      if (isOn) void this.#load(stopping.signal) // what was said meanwhile is not told again
    })
  }

  #stop(why: string): void {
    this.#stopping?.abort()
    this.#stopping = null
    write(this.#switch, 'Follow')
    write(this.#state, why)
  }

  async #load(signal: AbortSignal): Promise<void> {
    try {
      const { lines } = await this.#desk.api.ask<{ readonly lines: readonly LogLine[] }>('GET', `/log?limit=${FIRST}&level=${this.#level.value}`)
      if (signal.aborted) return
      this.#rows.replaceChildren()
      this.#add(lines)
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
      write(this.#state, `Not following: ${error.message}.`)
    }
  }

  #add(lines: readonly LogLine[]): void {
    this.#rows.prepend(...lines.toReversed().map(row))
    while (this.#rows.childElementCount > LINES_MAX) this.#rows.lastElementChild!.remove()
    this.#filter()
  }

  #filter(): void {
    const words = this.#words.value.trim().toLowerCase()
    let shown = 0
    for (const element of this.#rows.children as Iterable<HTMLElement> & HTMLCollection) {
      const isShown = words === '' || element.textContent!.toLowerCase().includes(words)
      show(element, isShown)
      if (isShown) shown++
    }
    show(this.#none, shown === 0)
  }

  async #save(): Promise<void> {
    this.#support.disabled = true
    await this.#desk.act(async () => {
      const url = URL.createObjectURL(await this.#desk.api.download('/support'))
      h('a', { href: url, download: `sandpiper-${this.#desk.site.status?.site ?? 'site'}-support.tar.gz` }).click()
      URL.revokeObjectURL(url)
    }, 'The support bundle is saved.')
    this.#support.disabled = false
  }

  readonly #seen = (): void => {
    if (document.hidden && this.#stopping !== null) {
      this.#stop('')
      this.#isHeld = true
    } else if (!document.hidden && this.#isHeld) {
      this.#isHeld = false
      this.#follow()
    }
  }
}

function row({ at, level, text, fields }: LogLine): HTMLElement {
  const more = Object.entries(fields).map(([name, of]) => h('span', { class: 'log-field' }, h('span', { class: 'quiet' }, `${name} `), typeof of === 'string' ? of : JSON.stringify(of)))
  return h('li', { 'data-level': level }, h('time', { datetime: at, title: at }, dateAndTime(at)), h('span', { class: 'log-level' }, level), h('span', { class: 'log-text' }, text, ' ', ...more))
}
