// Lines over time with axes: the one importer of uPlot. Colours are the style sheet's, and change with it.
import uPlot, { type AlignedData, type Axis, type Options } from 'uplot'
import { h } from './dom.ts'
import { timeOfDay, value } from './format.ts'
import { onTheme } from './theme.ts'

const HEIGHT = 240
const HEIGHT_NARROW = 180
const NARROW = 500

export interface ChartLine {
  readonly label: string
  readonly unit: string | null
  readonly values: readonly (number | null)[]
  /** Around the line, where each point stands for many values. */
  readonly min?: readonly (number | null)[]
  readonly max?: readonly (number | null)[]
}

export class Chart {
  readonly element: HTMLElement
  readonly #place = h('div', { class: 'chart-place' })
  readonly #watch: ResizeObserver
  readonly #offTheme: () => void
  #plot: uPlot | null = null
  #shown: { readonly at: readonly number[]; readonly line: ChartLine } | null = null

  constructor(label: string) {
    this.element = h('figure', { class: 'chart', role: 'img', 'aria-label': label }, this.#place)
    this.#watch = new ResizeObserver(() => this.#resize())
    this.#watch.observe(this.#place)
    this.#offTheme = onTheme(() => this.#draw())
  }

  /** `at`: seconds since 1970, ascending. */
  update(at: readonly number[], line: ChartLine): void {
    const isSame = this.#plot !== null && this.#shown?.line.label === line.label && this.#shown.line.unit === line.unit && (this.#shown.line.min === undefined) === (line.min === undefined)
    this.#shown = { at, line }
    this.element.setAttribute('aria-label', describe(at, line))
    if (isSame) this.#plot!.setData(dataOf(at, line))
    else this.#draw()
  }

  leave(): void {
    this.#watch.disconnect()
    this.#offTheme()
    this.#plot?.destroy()
    this.#plot = null
  }

  #draw(): void {
    if (this.#shown === null) return
    const { at, line } = this.#shown
    this.#plot?.destroy()
    this.#plot = new uPlot(optionsOf(line, this.#size), dataOf(at, line), this.#place)
  }

  #resize(): void {
    this.#plot?.setSize(this.#size)
  }

  get #size(): { readonly width: number; readonly height: number } {
    const width = Math.max(200, this.#place.clientWidth)
    return { width, height: width < NARROW ? HEIGHT_NARROW : HEIGHT }
  }
}

function dataOf(at: readonly number[], { values, min, max }: ChartLine): AlignedData {
  const band = min === undefined || max === undefined ? [] : [min, max]
  return [at, values, ...band] as unknown as AlignedData
}

function optionsOf({ label, unit, min }: ChartLine, size: { readonly width: number; readonly height: number }): Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis: Axis = { stroke: colour('ink-soft'), grid: { stroke: colour('line'), width: 1 }, ticks: { show: false }, font: `12px ${style.fontFamily}` }
  const shown = (_: uPlot, of: number | null): string => (of === null ? '–' : `${value(of)}${unit === null ? '' : ` ${unit}`}`)
  const edge = { stroke: 'transparent', width: 0, points: { show: false } }
  return {
    ...size,
    class: 'plot',
    padding: [10, 28, 0, 0], // room for half of the last time
    cursor: { y: false, points: { size: 8 } },
    scales: { x: { time: true } },
    axes: [
      { ...axis, space: 70, values: (_, splits, __, ___, step) => splits.map((second) => (step < 60 ? timeOfDay(new Date(second * 1000).toISOString()) : timeOfDay(new Date(second * 1000).toISOString()).slice(0, 5))) },
      { ...axis, size: 56, values: (_, splits) => splits.map((of) => value(of)) },
    ],
    series: [
      { label: 'Time', value: (_, second) => (second === null ? '–' : timeOfDay(new Date(second * 1000).toISOString())) },
      { label, stroke: colour('accent'), width: 2, value: shown, points: { show: false }, ...(min === undefined ? { fill: colour('accent-wash') } : {}) },
      ...(min === undefined ? [] : [{ ...edge, label: 'lowest', value: shown }, { ...edge, label: 'highest', value: shown }]),
    ],
    ...(min === undefined ? {} : { bands: [{ series: [3, 2] as [number, number], fill: colour('accent-wash') }] }),
  }
}

/** In words, for who cannot see it. */
function describe(at: readonly number[], { label, unit, values }: ChartLine): string {
  const numbers = values.filter((one) => one !== null)
  if (numbers.length === 0) return `${label}: no values yet`
  const with_ = (of: number): string => `${value(of)}${unit === null ? '' : ` ${unit}`}`
  const [from, to] = [at[0]!, at.at(-1)!].map((second) => timeOfDay(new Date(second * 1000).toISOString()))
  return `${label} from ${from} to ${to}: between ${with_(Math.min(...numbers))} and ${with_(Math.max(...numbers))}, now ${with_(numbers.at(-1)!)}`
}
