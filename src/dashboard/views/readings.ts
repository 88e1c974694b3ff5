// What is measured: every value with its line, a chart of the one that is chosen, the gateway's own figures, and the lines that commands drive.
import { h, type Item, Items, set, show, write } from '../parts/dom.ts'
import { count } from '../parts/format.ts'
import { badge, card, cell, empty, setBadge, table } from '../parts/pieces.ts'
import type { Output, Sensor } from '../parts/shapes.ts'
import type { Desk, View } from '../parts/view.ts'
import { type Reading, ReadingTile, readingsOf } from './reading-tile.ts'
import { ReadingChart } from './reading-chart.ts'
import { SparkHistory } from './spark-history.ts'

const SPARK_SEC = 3600

export function readingsView(desk: Desk): View {
  const tiles = h('div', { class: 'tiles wide' })
  const readings = new Items<Reading>(tiles, ({ id }) => id, () => new ReadingTile(desk.recent, SPARK_SEC))
  const none = empty('No sensors are configured. What devices publish is under Messages.')
  const history = new SparkHistory(desk)
  const chart = new ReadingChart(desk)
  const outputs = outputsCard()
  const states = sensorsCard()
  return {
    needs: ['/sensors', '/outputs'],
    element: h('div', { class: 'stack' }, chart.element, card('Values', [], tiles, none), states.element, outputs.element),
    update(site) {
      const sensors = site.get<{ readonly sensors: readonly Sensor[] }>('/sensors')?.sensors
      if (sensors === undefined) return
      const shown = readingsOf(sensors, site.nowMs)
      history.lead(shown.map(({ id }) => id))
      readings.update(shown)
      show(none, sensors.length === 0)
      chart.update(shown)
      states.update(sensors)
      outputs.update(site.get<{ readonly outputs: readonly Output[] }>('/outputs')?.outputs ?? [])
      for (const tile of tiles.children) set(tile, { 'aria-current': tile.getAttribute('href') === `#/readings?${encodeURIComponent(chart.id)}` ? 'true' : null })
    },
    leave: () => chart.leave(),
  }
}

function sensorsCard(): { readonly element: HTMLElement; update(sensors: readonly Sensor[]): void } {
  const body = h('tbody')
  const rows = new Items<Sensor>(body, ({ name }) => name, () => {
    const cells = { state: badge('', 'quiet'), messages: cell('number'), skipped: cell('number'), troubles: cell('number'), topic: cell('code'), error: cell() }
    const name = h('th', { scope: 'row' })
    return {
      element: h('tr', {}, name, h('td', {}, cells.state), cells.messages, cells.skipped, cells.troubles, cells.topic, cells.error),
      update(sensor) {
        write(name, sensor.name)
        setBadge(cells.state, sensor.status, sensor.status === 'ok' ? 'good' : sensor.status === 'starting' ? 'quiet' : sensor.status === 'degraded' ? 'warning' : 'bad')
        write(cells.messages, count(sensor.readings))
        const skipped = Object.entries(sensor.skipped)
        write(cells.skipped, count(skipped.reduce((sum, [, of]) => sum + of, 0)))
        set(cells.skipped, { title: skipped.map(([why, of]) => `${why}: ${count(of)}`).join('\n') || null })
        write(cells.troubles, count(sensor.troubles))
        write(cells.topic, sensor.last?.topic ?? '')
        write(cells.error, sensor.lastError ?? '')
      },
    }
  })
  const element = card('Sensors', [], table('Sensors', ['Sensor', 'State', 'Messages', 'Not published', 'Troubles', 'Topic', 'Last error'], body))
  return {
    element,
    update(sensors) {
      show(element, sensors.length > 0)
      rows.update(sensors)
    },
  }
}

function outputsCard(): { readonly element: HTMLElement; update(outputs: readonly Output[]): void } {
  const body = h('tbody')
  const rows = new Items<Output>(body, ({ name }) => name, outputRow)
  const element = card('Outputs', [], table('Outputs', ['Output', 'Line', 'State', 'Commands', 'Refused', 'Made safe', 'Last error'], body))
  return {
    element,
    update(outputs) {
      show(element, outputs.length > 0)
      rows.update(outputs)
    },
  }
}

function outputRow(): Item<Output> {
  const name = h('th', { scope: 'row' })
  const line = h('td')
  const state = badge('', 'quiet')
  const [commands, refused, madeSafe, error] = [cell('number'), cell('number'), cell('number'), cell()] as const
  return {
    element: h('tr', {}, name, line, h('td', {}, state), commands, refused, madeSafe, error),
    update(output) {
      write(name, output.name)
      const word = (on: boolean | null): string => (on === null ? 'not known' : on ? 'on' : 'off')
      write(line, output.waiting === null || output.waiting === output.on ? word(output.on) : `${word(output.on)}, soon ${word(output.waiting)}`)
      setBadge(state, output.status, output.status === 'ok' ? 'good' : output.status === 'starting' ? 'quiet' : output.status === 'degraded' ? 'warning' : 'bad')
      write(commands, count(output.commands))
      write(refused, count(output.refused))
      write(madeSafe, count(output.madeSafe))
      write(error, output.lastError ?? '')
    },
  }
}
