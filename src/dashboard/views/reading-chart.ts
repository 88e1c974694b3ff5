// A chart of one figure over the last hours: what the gateway has kept, and what the page has seen since.
import { NoAnswer, Refused } from '../parts/api.ts'
import { Chart } from '../parts/chart.ts'
import { wall } from '../parts/clock.ts'
import { h, set, show, write } from '../parts/dom.ts'
import { historyList, seriesOf } from '../parts/history.ts'
import { card, select } from '../parts/pieces.ts'
import type { HistoryList, Series } from '../parts/shapes.ts'
import type { Desk } from '../parts/view.ts'
import type { Reading } from './reading-tile.ts'

const SPANS = [['3600', 'Last hour'], ['21600', 'Last 6 hours'], ['86400', 'Last day'], ['604800', 'Last week']] as const
const SPAN_SEC = 21_600
const POINTS = 300
const OWN_FIGURES: Readonly<Record<string, string>> = {
  'gateway/messages-per-second': 'Messages in / s',
  'gateway/sent-per-second': 'Messages out / s',
  'gateway/queued': 'Messages that wait',
  'gateway/clients': 'Clients',
  'gateway/store-bytes': 'Bytes in the store',
}

interface Choice {
  readonly id: string
  readonly text: string
  readonly unit: string | null
}

/** What is chosen stands in the address, `#/readings?ID`, so that it can be linked to. */
export class ReadingChart {
  readonly element: HTMLElement
  id = ''
  readonly #desk: Desk
  readonly #chart = new Chart('Chart')
  readonly #note = h('p', { class: 'hint' })
  readonly #which: HTMLSelectElement
  readonly #span: HTMLSelectElement
  #choices = new Map<string, Choice>()
  #list: HistoryList | null | undefined
  #kept: Series | null = null
  #generation = 0

  constructor(desk: Desk) {
    this.#desk = desk
    this.#which = select([], '', (id) => this.#choose(id))
    set(this.#which, { 'aria-label': 'What the chart shows' })
    this.#span = select(SPANS, String(SPAN_SEC), () => void this.#load())
    set(this.#span, { 'aria-label': 'How far back' })
    this.element = card('Chart', [this.#which, this.#span], this.#chart.element, this.#note)
    addEventListener('hashchange', this.#followAddress)
  }

  update(readings: readonly Reading[]): void {
    const own = Object.entries(OWN_FIGURES).map(([id, text]): Choice => ({ id, text, unit: null }))
    const kept = (this.#list?.series ?? []).map(({ id, unit }): Choice => ({ id, text: nameOf(id), unit }))
    const sensors = readings.filter(({ value }) => typeof value === 'number').map(({ id, sensor, name, unit }): Choice => ({ id, text: name === '' || name === 'value' ? sensor : `${sensor} · ${name}`, unit }))
    const choices = new Map([...sensors, ...own, ...kept].map((choice) => [choice.id, choice]))
    if ([...choices.keys()].join() !== [...this.#choices.keys()].join()) {
      this.#choices = choices
      this.#which.replaceChildren(...[...choices.values()].map(({ id, text, unit }) => h('option', { value: id }, unit === null ? text : `${text}, ${unit}`)))
    }
    if (!choices.has(this.id)) this.#choose(addressed(choices) ?? sensors[0]?.id ?? own[0]!.id)
    this.#draw()
  }

  leave(): void {
    removeEventListener('hashchange', this.#followAddress)
    this.#generation++
    this.#chart.leave()
  }

  readonly #followAddress = (): void => {
    const id = addressed(this.#choices)
    if (id === null || id === this.id) return
    this.#choose(id)
    this.element.scrollIntoView({ block: 'nearest' })
  }

  #choose(id: string): void {
    this.id = id
    this.#which.value = id
    this.#kept = null
    this.#draw()
    void this.#load()
  }

  async #load(): Promise<void> {
    const generation = ++this.#generation
    const spanSec = Number(this.#span.value)
    try {
      if (this.#list === undefined) this.#list = await historyList(this.#desk.api)
      show(this.#span, this.#list !== null)
      const known = this.#list?.series.some(({ id }) => id === this.id) === true
      const [series] = known ? await seriesOf(this.#desk.api, [this.id], spanSec, POINTS) : []
      if (generation !== this.#generation) return
      this.#kept = series ?? null
      this.#draw()
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
    }
  }

  #draw(): void {
    const choice = this.#choices.get(this.id)
    if (choice === undefined) return
    const seen = this.#desk.recent.of(this.id)
    const { text, unit } = choice
    const kept = this.#kept
    if (kept !== null) {
      const from = (kept.at.at(-1) ?? 0) + 1
      const first = seen.at.findIndex((at) => at >= from)
      const later = first === -1 ? { at: [], values: [] } : { at: seen.at.slice(first), values: seen.values.slice(first) }
      this.#chart.update([...kept.at, ...later.at], { label: text, unit, values: [...kept.mean, ...later.values], min: [...kept.min, ...later.values], max: [...kept.max, ...later.values] })
    } else {
      const since = wall() / 1000 - SPAN_SEC
      const first = Math.max(0, seen.at.findIndex((at) => at >= since))
      this.#chart.update(seen.at.slice(first), { label: text, unit, values: seen.values.slice(first) })
    }
    write(this.#note, kept === null ? 'Since this page was opened: of this the gateway keeps no history.' : 'The line is the mean of each step, the band its lowest and highest value.')
  }
}

/** `#/readings?ID` */
function addressed(choices: ReadonlyMap<string, Choice>): string | null {
  const [, query] = location.hash.split('?')
  if (query === undefined) return null
  try {
    const id = decodeURIComponent(query)
    return choices.has(id) ? id : null
  } catch {
    return null
  }
}

/** `topic/a/b#field` → `a/b, field`; `sensor/tank/level` → `tank · level` */
function nameOf(id: string): string {
  const [, source, rest = ''] = /^(\w+)\/(.*)$/s.exec(id) ?? []
  return OWN_FIGURES[id] ?? (source === 'topic' ? rest.replace('#', ', ') : rest.replaceAll('/', ' · ').replaceAll('-', ' '))
}
