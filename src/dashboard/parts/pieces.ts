// Pieces that several views are made of.
import { type Child, h, type Props, set, write } from './dom.ts'
import { icon, type IconName, redraw } from './icon.ts'
import { LAMP_WORDS, type LampState } from './judge.ts'

/** A part of a view with a heading. `side`: at the end of the heading's line. */
export function card(title: string, side: readonly Child[], ...children: readonly Child[]): HTMLElement {
  return h('section', { class: 'card' }, h('div', { class: 'card-head' }, h('h2', {}, title), side.length === 0 ? null : h('div', { class: 'side' }, ...side)), ...children)
}

/** Form and colour say the same; the words are for who sees neither. */
export class LampIcon {
  readonly #icon = icon('unknown')
  readonly #words = h('span', { class: 'visually-hidden' })
  readonly element = h('span', { class: 'lamp' }, this.#icon, this.#words)

  update(state: LampState): void {
    set(this.element, { 'data-state': state })
    redraw(this.#icon, state)
    write(this.#words, `${LAMP_WORDS[state]}: `)
  }
}

/** A name, and what it is now. */
export class Figure {
  readonly #value = h('dd')
  readonly element: HTMLElement

  constructor(label: string, ...more: readonly Child[]) {
    this.element = h('div', { class: 'figure' }, h('dt', {}, label), this.#value, ...more)
  }

  update(text: string, title: string | null = null): void {
    write(this.#value, text)
    set(this.#value, { title })
  }
}

export type BadgeKind = 'good' | 'warning' | 'bad' | 'quiet'

export function badge(text: string, kind: BadgeKind): HTMLElement {
  return h('span', { class: 'badge', 'data-kind': kind }, text)
}

export function setBadge(element: HTMLElement, text: string, kind: BadgeKind): void {
  write(element, text)
  set(element, { 'data-kind': kind })
}

export function button(text: string, onclick: () => void, props: Props = {}): HTMLButtonElement {
  return h('button', { type: 'button', onclick, ...props }, text)
}

export function iconButton(name: IconName, label: string, onclick: () => void, props: Props = {}): HTMLButtonElement {
  return h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick, ...props }, icon(name))
}

let labels = 0

/** A label over what it names. */
export function field(label: string, control: HTMLElement, hint: string | null = null): HTMLElement {
  const id = `field-${++labels}`
  control.id = id
  if (hint !== null) control.setAttribute('aria-describedby', `${id}-hint`)
  return h('div', { class: 'field' }, h('label', { for: id }, label), control, hint === null ? null : h('p', { class: 'hint', id: `${id}-hint` }, hint))
}

export function select(options: readonly (readonly [value: string, text: string])[], chosen: string, onchange: (value: string) => void): HTMLSelectElement {
  const element = h('select', { onchange: () => onchange(element.value) }, ...options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)))
  return element
}

/** What a list says when nothing is in it. */
export function empty(text: string): HTMLParagraphElement {
  return h('p', { class: 'empty' }, text)
}

/** Wide tables scroll in a box of their own, by keyboard too. */
export function table(label: string, heads: readonly string[], body: HTMLTableSectionElement): HTMLElement {
  return h('div', { class: 'table', role: 'region', 'aria-label': label, tabindex: 0 }, h('table', {}, h('thead', {}, h('tr', {}, ...heads.map((head) => (head === '' ? h('td') : h('th', { scope: 'col' }, head))))), body))
}

/** Of a row: `number` for figures, `code` for what a machine calls something. */
export function cell(kind: 'number' | 'code' | null = null): HTMLTableCellElement {
  return h('td', { class: kind })
}
