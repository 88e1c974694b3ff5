// Elements, made of text: what comes from devices can never become markup here, because nothing does.

export type Child = Node | string | number | null | false

export interface Props {
  readonly [name: string]: string | number | boolean | null | ((event: never) => void)
}

/** Attributes by name (true: without a value; null and false: left out); `onclick` and the like are listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: readonly Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  set(element, props)
  fill(element, children)
  return element
}

export function s<K extends keyof SVGElementTagNameMap>(tag: K, props: Props = {}, ...children: readonly Child[]): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  set(element, props)
  fill(element, children)
  return element
}

export function set(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener)
    else if (value === null || value === false) element.removeAttribute(name)
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? '' : String(value))
  }
}

/** In place of what is in it. */
export function fill(element: Element, children: readonly Child[]): void {
  element.replaceChildren(...children.flatMap((child) => (child === null || child === false ? [] : [typeof child === 'number' ? String(child) : child])))
}

/** Only when it is another: a screen reader would say it again, and a selection would be lost. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function show(element: HTMLElement, isShown: boolean): void {
  if (element.hidden === isShown) element.hidden = !isShown
}

export interface Item<T> {
  readonly element: HTMLElement
  update(item: T): void
}

/** The children of an element, one for each item of a list that changes: what stays keeps its element, and with it focus and selection. */
export class Items<T> {
  readonly #parent: HTMLElement
  readonly #keyOf: (item: T) => string
  readonly #make: (item: T) => Item<T>
  #made = new Map<string, Item<T>>()

  constructor(parent: HTMLElement, keyOf: (item: T) => string, make: (item: T) => Item<T>) {
    this.#parent = parent
    this.#keyOf = keyOf
    this.#make = make
  }

  update(items: readonly T[]): void {
    const kept = new Map<string, Item<T>>()
    let place = this.#parent.firstElementChild
    for (const item of items) {
      const key = this.#keyOf(item)
      if (kept.has(key)) continue
      const made = this.#made.get(key) ?? this.#make(item)
      kept.set(key, made)
      made.update(item)
      if (made.element === place) place = place.nextElementSibling
      else this.#parent.insertBefore(made.element, place)
    }
    for (const [key, { element }] of this.#made) if (!kept.has(key)) element.remove()
    this.#made = kept
  }
}
