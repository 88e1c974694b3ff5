// A field for a file: numbers beside its lines, and marks on those with a mistake. Tab leaves it, as it leaves every field.
import { h } from '../parts/dom.ts'
import type { ConfigurationProblem } from '../parts/shapes.ts'

export class Editor {
  readonly #area: HTMLTextAreaElement
  readonly #numbers = h('div', { class: 'numbers', 'aria-hidden': 'true' })
  readonly element: HTMLElement
  #marks: ReadonlyMap<number, ConfigurationProblem['severity']> = new Map()

  constructor(changed: () => void) {
    this.#area = h('textarea', { class: 'code', spellcheck: 'false', autocapitalize: 'none', autocomplete: 'off', wrap: 'off', 'aria-label': 'gateway.yaml', oninput: () => {
      this.#number()
      changed()
    }, onscroll: () => void (this.#numbers.scrollTop = this.#area.scrollTop) })
    this.element = h('div', { class: 'editor' }, this.#numbers, this.#area)
  }

  get text(): string {
    return this.#area.value
  }

  set text(text: string) {
    this.#area.value = text
    this.#number()
  }

  set isReadOnly(isReadOnly: boolean) {
    this.#area.readOnly = isReadOnly
  }

  mark(problems: readonly ConfigurationProblem[]): void {
    this.#marks = new Map(problems.toReversed().map(({ line, severity }) => [line, severity]))
    this.#area.setAttribute('aria-invalid', String(problems.some(({ severity }) => severity === 'error')))
    this.#number()
  }

  /** Both count from 1. */
  goTo(line: number, column: number): void {
    const lines = this.#area.value.split('\n')
    const begin = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0)
    const end = begin + (lines[line - 1]?.length ?? 0)
    this.#area.focus()
    this.#area.setSelectionRange(Math.min(begin + column - 1, end), end)
    const lineHeight = this.#area.scrollHeight / Math.max(1, lines.length)
    this.#area.scrollTop = Math.max(0, (line - 4) * lineHeight)
  }

  #number(): void {
    const count = this.#area.value.split('\n').length
    while (this.#numbers.childElementCount > count) this.#numbers.lastElementChild!.remove()
    for (let line = this.#numbers.childElementCount + 1; line <= count; line++) this.#numbers.append(h('span', {}, line))
    for (const [i, number] of [...this.#numbers.children].entries()) {
      const mark = this.#marks.get(i + 1)
      if (mark === undefined) number.removeAttribute('data-severity')
      else number.setAttribute('data-severity', mark)
    }
    this.#numbers.scrollTop = this.#area.scrollTop
  }
}
