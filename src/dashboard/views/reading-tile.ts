// One value of a sensor: what it is now, how old that is, and how it went.
import { h, type Item, set, show, write } from '../parts/dom.ts'
import { ago, dateAndTime, value } from '../parts/format.ts'
import { sensorSeries } from '../parts/series.ts'
import { badge, setBadge } from '../parts/pieces.ts'
import type { Recent } from '../parts/recent.ts'
import type { Sensor } from '../parts/shapes.ts'
import { sensorValues } from '../parts/sensor-values.ts'
import { Sparkline } from '../parts/sparkline.ts'

export interface Reading {
  /** As the history names it. */
  readonly id: string
  readonly sensor: string
  readonly name: string
  readonly value: unknown
  readonly unit: string | null
  readonly at: string | null
  /** What is wrong with it; null when nothing is. */
  readonly trouble: string | null
  readonly isBad: boolean
  readonly nowMs: number
}

const TEXT_CHARS_MAX = 60

/** What is wrong comes first; a sensor without a value is one line. */
export function readingsOf(sensors: readonly Sensor[], nowMs: number): Reading[] {
  const all = sensors.flatMap((sensor): Reading[] => {
    const { name, status, last } = sensor
    const isBad = status === 'gone' || status === 'stopped'
    const quality = last?.quality ?? 'good'
    const trouble = status !== 'ok' && status !== 'starting' ? status : quality === 'good' ? null : quality
    const common = { sensor: name, at: last?.at ?? null, trouble, isBad, nowMs }
    const values = sensorValues(sensor)
    if (values === null) return [{ ...common, id: `sensor/${name}`, name: '', value: last === null ? null : last.payload.slice(0, TEXT_CHARS_MAX), unit: null }]
    return values.map((one) => ({ ...common, id: sensorSeries(name, one.name), name: one.name, value: one.value, unit: one.unit }))
  })
  return all.toSorted((a, b) => Number(b.isBad) - Number(a.isBad) || Number(b.trouble !== null) - Number(a.trouble !== null))
}

export class ReadingTile implements Item<Reading> {
  readonly #recent: Recent
  readonly #sparkSec: number
  readonly #sensor = h('span', { class: 'tile-sensor' })
  readonly #name = h('span', { class: 'tile-name' })
  readonly #value = h('span', { class: 'tile-number' })
  readonly #unit = h('span', { class: 'tile-unit' })
  readonly #age = h('time', { class: 'quiet' })
  readonly #trouble = badge('', 'warning')
  readonly #sparkline = new Sparkline()
  readonly element = h('a', { class: 'tile' }, h('span', { class: 'tile-head' }, this.#sensor, this.#name), h('span', { class: 'tile-value' }, this.#value, this.#unit), this.#sparkline.element, h('span', { class: 'tile-foot' }, this.#age, this.#trouble))

  constructor(recent: Recent, sparkSec: number) {
    this.#recent = recent
    this.#sparkSec = sparkSec
  }

  update(reading: Reading): void {
    const { id, sensor, name, at, trouble, isBad, unit, nowMs } = reading
    set(this.element, { href: `#/readings?${encodeURIComponent(id)}`, 'data-state': isBad ? 'bad' : trouble === null ? 'good' : 'warning' })
    write(this.#sensor, sensor)
    write(this.#name, name === 'value' ? '' : name)
    write(this.#value, value(reading.value))
    write(this.#unit, unit ?? '')
    write(this.#age, at === null ? 'no value yet' : ago(at, nowMs))
    set(this.#age, { datetime: at, title: at === null ? null : dateAndTime(at) })
    setBadge(this.#trouble, trouble ?? '', isBad ? 'bad' : 'warning')
    show(this.#trouble, trouble !== null)
    this.#sparkline.update(this.#recent.of(id), this.#sparkSec)
  }
}
