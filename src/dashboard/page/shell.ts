// What stands around every view: the name of the site, the traffic light in a word, the way to the views, who is logged in, and what has to be said.
import { after, type Timer } from '../parts/clock.ts'
import { fill, h, set, show, write } from '../parts/dom.ts'
import { duration } from '../parts/format.ts'
import { icon } from '../parts/icon.ts'
import { lampsOf, summaryOf } from '../parts/judge.ts'
import { iconButton, LampIcon } from '../parts/pieces.ts'
import type { Site } from '../parts/site.ts'
import { chooseTheme, theme, THEMES } from '../parts/theme.ts'
import type { View } from '../parts/view.ts'
import { mark } from './brand.ts'
import { type PageRoute, ROUTES } from './routes.ts'

const TOAST_MS = 6000

export class Shell {
  readonly element: HTMLElement
  readonly #main = h('main', { id: 'main', tabindex: -1 })
  readonly #title = h('h1')
  readonly #view = h('div', { class: 'view' })
  readonly #site = h('span', { class: 'site' })
  readonly #lamp = new LampIcon()
  readonly #light = h('span')
  readonly #alarms = h('span', { class: 'count', hidden: true })
  readonly #who = h('span', { class: 'who' })
  readonly #leave: HTMLButtonElement
  readonly #banner = h('div', { class: 'banner', role: 'alert', hidden: true })
  readonly #toasts = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' })
  readonly #links = new Map<string, HTMLAnchorElement>()
  readonly #nav: HTMLElement
  readonly #menu: HTMLButtonElement
  #again: Timer | null = null

  constructor(deps: { readonly leave: () => void; readonly retry: () => void }) {
    this.#leave = iconButton('leave', 'Log out', deps.leave)
    this.#menu = iconButton('menu', 'Menu', () => this.#open(!this.#isOpen), { class: 'icon-button menu', 'aria-expanded': 'false', 'aria-controls': 'nav' })
    const light = h('a', { class: 'light', href: '#/' }, this.#lamp.element, this.#light)
    const bar = h('header', { class: 'bar' }, this.#menu, h('div', { class: 'brand' }, mark(), h('span', { class: 'brand-name' }, 'Sandpiper')), this.#site, h('div', { role: 'status', 'aria-live': 'polite', class: 'light-place' }, light))
    const items = ROUTES.map((route) => {
      const link = h('a', { href: route.hash }, icon(route.icon), h('span', {}, route.title), route.hash === '#/' ? this.#alarms : null)
      this.#links.set(route.hash, link)
      return h('li', { hidden: route.role !== 'viewer' || route.path !== undefined }, link) // until it is known that it is there for this role
    })
    this.#nav = h('nav', { id: 'nav', 'aria-label': 'Views' }, h('ul', {}, ...items), h('div', { class: 'nav-end' }, themeChoice(), h('div', { class: 'account' }, this.#who, this.#leave)))
    fill(this.#main, [this.#title, this.#view])
    const skip = h('a', { class: 'skip', href: '#main', onclick: (event: MouseEvent) => {
      event.preventDefault()
      this.#main.focus()
    } }, 'Skip to the view')
    this.element = h('div', { class: 'app', onkeydown: (event: KeyboardEvent) => void (event.key === 'Escape' && this.#open(false)) }, skip, bar, this.#nav, h('div', { class: 'body' }, this.#banner, this.#main), this.#toasts)
    this.#banner.append(h('span', { class: 'banner-text' }), h('button', { type: 'button', onclick: deps.retry }, 'Try now'))
  }

  showView(route: PageRoute, view: View, isFirst: boolean): void {
    write(this.#title, route.title)
    fill(this.#view, [view.element])
    for (const [hash, link] of this.#links) set(link, { 'aria-current': hash === route.hash ? 'page' : null })
    document.title = `${route.title} · ${this.#site.textContent === '' ? 'Sandpiper' : this.#site.textContent}`
    if (this.#isOpen) this.#open(false)
    if (!isFirst) this.#main.focus({ preventScroll: true })
    scrollTo(0, 0)
  }

  /** After each round. */
  update(site: Site): void {
    const { status } = site
    this.answered()
    if (status === null) return
    write(this.#site, status.site)
    const { state, text } = summaryOf(status, lampsOf(status, site.uplinks))
    this.#lamp.update(state)
    write(this.#light, text)
    set(this.#light.parentElement!, { title: text })
    const active = status.alarms.length
    show(this.#alarms, active > 0)
    write(this.#alarms, String(active))
    set(this.#alarms, { 'aria-label': `${active} alarms` })
    write(this.#who, site.name === null ? '' : site.name === 'nobody' ? `without a login · ${site.role}` : `${site.name} · ${site.role}`)
    for (const route of ROUTES) show(this.#links.get(route.hash)!.parentElement!, site.may(route.role) && (route.path === undefined || site.get(route.path) !== null))
  }

  showLeave(isShown: boolean): void {
    show(this.#leave, isShown)
  }

  /** The gateway does not answer; it is tried again after so long. */
  failed(why: string, againMs: number): void {
    this.#again?.cancel()
    const tell = (leftMs: number): void => {
      write(this.#banner.firstElementChild!, `No answer from the gateway${why === 'the gateway does not answer' ? '' : ` (${why})`}. ${leftMs < 1000 ? 'Trying again …' : `Trying again in ${duration(leftMs / 1000)}.`}`)
      if (leftMs >= 1000) this.#again = after(1000, () => tell(leftMs - 1000))
    }
    tell(againMs)
    show(this.#banner, true)
    this.element.classList.add('is-old')
  }

  answered(): void {
    this.#again?.cancel()
    show(this.#banner, false)
    this.element.classList.remove('is-old')
  }

  say(text: string, kind: 'good' | 'bad' = 'good'): void {
    const toast = h('div', { class: 'toast', 'data-kind': kind }, icon(kind), h('span', {}, text))
    this.#toasts.append(toast)
    after(TOAST_MS, () => toast.remove())
  }

  get #isOpen(): boolean {
    return this.#menu.getAttribute('aria-expanded') === 'true'
  }

  #open(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return
    set(this.#menu, { 'aria-expanded': String(isOpen) })
    this.element.classList.toggle('is-open', isOpen)
    ;(isOpen ? this.#nav.querySelector('a') : this.#menu)?.focus()
  }
}

function themeChoice(): HTMLElement {
  const words = { system: 'As the system', light: 'Light', dark: 'Dark' } as const
  const choices = THEMES.map((one) => h('label', { title: words[one] }, h('input', { type: 'radio', name: 'theme', value: one, checked: one === theme(), 'aria-label': words[one], onchange: () => chooseTheme(one) }), icon(one)))
  return h('fieldset', { class: 'themes' }, h('legend', { class: 'visually-hidden' }, 'Colours'), ...choices)
}
