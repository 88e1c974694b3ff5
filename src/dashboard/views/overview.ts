// How the gateway is, at a glance: the traffic light, what is wrong, what is measured now, what goes over the link.
import { h, type Item, Items, set, show, write } from '../parts/dom.ts'
import { ago, bytes, count, duration, plural, rate } from '../parts/format.ts'
import { lampsOf, type Lamp } from '../parts/judge.ts'
import { card, empty, Figure, LampIcon } from '../parts/pieces.ts'
import type { Sensor, StatusUplink } from '../parts/shapes.ts'
import type { Site } from '../parts/site.ts'
import { Sparkline } from '../parts/sparkline.ts'
import type { Desk, View } from '../parts/view.ts'
import { AlarmList } from './alarm-list.ts'
import { ReadingTile, type Reading, readingsOf } from './reading-tile.ts'
import { SparkHistory } from './spark-history.ts'

const TILES_MAX = 12
const SPARK_SEC = 3600
const TRAFFIC = ['gateway/messages-per-second', 'gateway/queued', 'gateway/clients'] as const

export function overviewView(desk: Desk): View {
  const lampTiles = h('ul', { class: 'lamps', 'aria-label': 'Traffic light' })
  const lamps = new Items<Lamp>(lampTiles, ({ name }) => name, lampTile)
  const alarms = new AlarmList(desk)
  const tiles = h('div', { class: 'tiles' })
  const readings = new Items<Reading>(tiles, ({ id }) => id, () => new ReadingTile(desk.recent, SPARK_SEC))
  const noReadings = empty('No sensor of this gateway has told a value yet. What devices publish is under Messages.')
  const more = h('a', { href: '#/readings' }, 'All readings')
  const links = h('ul', { class: 'link-list' })
  const uplinks = new Items<StatusUplink & { readonly nowMs: number }>(links, ({ name }) => name, uplinkLine)
  const uplinkCard = card('Uplink', [h('a', { href: '#/uplink' }, 'More')], links)
  const traffic = trafficCard(desk)
  const lastError = h('p', { class: 'said' })
  const lastErrorCard = card('Last error of the log', [h('a', { href: '#/logs' }, 'Logs')], lastError)
  const history = new SparkHistory(desk)

  return {
    needs: ['/sensors', '/uplinks'],
    element: h('div', {}, lampTiles, alarms.element,
      h('div', { class: 'columns' }, card('Live readings', [more], tiles, noReadings), h('div', { class: 'stack' }, uplinkCard, traffic.element, lastErrorCard))),
    update(site) {
      const { status } = site
      if (status === null) return
      lamps.update(lampsOf(status, site.uplinks))
      alarms.update(site)
      const shown = readingsOf(site.get<{ readonly sensors: readonly Sensor[] }>('/sensors')?.sensors ?? [], site.nowMs)
      history.lead([...shown.slice(0, TILES_MAX).map(({ id }) => id), ...TRAFFIC])
      readings.update(shown.slice(0, TILES_MAX))
      show(noReadings, shown.length === 0)
      show(more, shown.length > 0)
      write(more, shown.length > TILES_MAX ? `All ${shown.length} readings` : 'Charts')
      uplinks.update(status.uplinks.map((uplink) => ({ ...uplink, nowMs: site.nowMs })))
      show(uplinkCard, status.uplinks.length > 0)
      traffic.update(site)
      show(lastErrorCard, status.lastError !== null)
      write(lastError, status.lastError ?? '')
    },
  }
}

function lampTile(): Item<Lamp> {
  const lamp = new LampIcon()
  const name = h('span', { class: 'lamp-name' })
  const text = h('span', { class: 'lamp-text' })
  const more = h('span', { class: 'lamp-more' })
  const link = h('a', { class: 'lamp-tile' }, lamp.element, h('span', { class: 'lamp-words' }, name, text, more))
  return {
    element: h('li', {}, link),
    update(of) {
      lamp.update(of.state)
      set(link, { href: of.at, 'data-state': of.state })
      write(name, of.name)
      write(text, of.text)
      write(more, of.more)
    },
  }
}

function uplinkLine(): Item<StatusUplink & { readonly nowMs: number }> {
  const name = h('strong')
  const state = h('span', { class: 'quiet' })
  const waiting = h('span', { class: 'number' })
  return {
    element: h('li', {}, h('div', {}, name, ' ', state), waiting),
    update({ name: of, connected, link, since, queued, queuedBytes, nowMs }) {
      write(name, of)
      const how = connected ? `connected${link === null || link === of ? '' : ` over ${link}`}` : 'not connected'
      write(state, since === null ? how : `${how} for ${duration((nowMs - Date.parse(since)) / 1000)}`)
      write(waiting, queued === 0 ? 'nothing waits' : `${plural(queued, 'message')} wait, ${bytes(queuedBytes)}`)
    },
  }
}

function trafficCard({ recent }: Desk): { readonly element: HTMLElement; update(site: Site): void } {
  const lines = { received: new Sparkline(), sent: new Sparkline(), queued: new Sparkline(), clients: new Sparkline() }
  const received = new Figure('Messages in / s', lines.received.element)
  const sent = new Figure('Messages out / s', lines.sent.element)
  const queued = new Figure('Messages that wait', lines.queued.element)
  const clients = new Figure('Clients', lines.clients.element)
  const retained = new Figure('Retained messages')
  const written = new Figure('Written to the card')
  const element = card('Broker', [h('a', { href: '#/clients' }, 'Clients')], h('dl', { class: 'figures' }, received.element, sent.element, queued.element, clients.element, retained.element, written.element))
  return {
    element,
    update({ status, nowMs }) {
      if (status === null) return
      const last = (id: string): number | null => recent.of(id).values.at(-1) ?? null
      const perSec = (id: string): string => {
        const of = last(id)
        return of === null ? '…' : rate(of)
      }
      received.update(perSec('gateway/messages-per-second'), `${count(status.broker.received)} since the start`)
      sent.update(perSec('gateway/sent-per-second'), `${count(status.broker.sent)} since the start`)
      queued.update(count(last('gateway/queued') ?? status.broker.queued))
      clients.update(count(status.broker.clients), `${plural(status.broker.sessions, 'session')} kept`)
      retained.update(count(status.broker.retained))
      written.update(bytes(status.store.bytesWritten), `since the start, ${ago(new Date(nowMs - status.uptimeSec * 1000).toISOString(), nowMs)}`)
      lines.received.update(recent.of('gateway/messages-per-second'), SPARK_SEC)
      lines.sent.update(recent.of('gateway/sent-per-second'), SPARK_SEC)
      lines.queued.update(recent.of('gateway/queued'), SPARK_SEC)
      lines.clients.update(recent.of('gateway/clients'), SPARK_SEC)
    },
  }
}
