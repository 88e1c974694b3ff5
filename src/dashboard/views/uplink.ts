// Each remote broker: whether it is reached and over which link, what waits and how long that takes, what it costs, and what an operator may order.
import { NoAnswer, Refused } from '../parts/api.ts'
import { now } from '../parts/clock.ts'
import { confirm } from '../parts/dialog.ts'
import { h, type Item, Items, set, show, write } from '../parts/dom.ts'
import { Drain } from '../parts/drain.ts'
import { bytes, count, dateAndTime, duration, percent, plural, rate, until } from '../parts/format.ts'
import { badge, button, card, cell, empty, Figure, setBadge, table } from '../parts/pieces.ts'
import type { Budget, LogLine, Period, Uplink } from '../parts/shapes.ts'
import type { Desk, View } from '../parts/view.ts'

const LOG_PATH = '/log?limit=300&level=info'
const LINES_MAX = 30
const PHASES: Readonly<Record<Uplink['phase'], readonly [string, 'good' | 'warning' | 'bad' | 'quiet']>> = {
  idle: ['no connection wanted', 'quiet'],
  dialling: ['dialling', 'warning'],
  connecting: ['connecting', 'warning'],
  up: ['connected', 'good'],
  'hanging-up': ['hanging up', 'quiet'],
  waiting: ['waiting to try again', 'bad'],
  stopped: ['stopped', 'bad'],
}

interface Shown {
  readonly uplink: Uplink
  readonly nowMs: number
  readonly mayOrder: boolean
  readonly log: readonly LogLine[]
}

export function uplinkView(desk: Desk): View {
  const list = h('div', { class: 'stack' })
  const items = new Items<Shown>(list, ({ uplink }) => uplink.name, ({ uplink }) => uplinkItem(desk, uplink.name))
  const none = empty('No uplink is configured: messages stay at this site. `uplinks` in gateway.yaml names remote brokers.')
  let lines: readonly LogLine[] = []
  let seen = ''
  /** The log is long: it is asked again only when something has become of a connection. */
  const follow = async (uplinks: readonly Uplink[]): Promise<void> => {
    const now = JSON.stringify(uplinks.map(({ phase, since, links }) => [phase, since?.slice(0, 16), links.map(({ failures }) => failures)]))
    if (now === seen) return
    seen = now
    try {
      lines = (await desk.api.ask<{ readonly lines: readonly LogLine[] }>('GET', LOG_PATH)).lines
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
      seen = '' // the next round asks again
    }
  }
  return {
    needs: ['/uplinks'],
    element: h('div', {}, list, none),
    update(site) {
      if (site.uplinks === null) return
      show(none, site.uplinks.length === 0)
      const uplinks = site.uplinks
      const draw = (): void => items.update(uplinks.map((uplink) => ({ uplink, nowMs: site.nowMs, mayOrder: site.may('operator'), log: lines.filter(({ fields }) => fields['uplink'] === uplink.name) })))
      draw()
      void follow(uplinks).then(draw)
    },
  }
}

function uplinkItem(desk: Desk, name: string): Item<Shown> {
  const state = badge('', 'quiet')
  const order = h('span', { class: 'quiet' })
  const trouble = h('p', { class: 'trouble' })
  const figures = new UplinkFigures()
  const budgets = h('div', { class: 'budgets' })
  const budgetItems = new Items<{ readonly budget: Budget; readonly nowMs: number }>(budgets, ({ budget }) => budget.link, budgetItem)
  const links = linksTable(name)
  const log = new DialLog(name)
  const orders = orderButtons(desk, name)
  const clear = button('Empty the queue …', () => void emptyQueue(desk, name), { class: 'quiet-button' })
  const buttons = h('div', { class: 'buttons' }, ...orders, h('span', { class: 'grow' }), clear)
  return {
    element: card(name, [order, state], trouble, figures.element, buttons, budgets, links.element, log.element),
    update({ uplink, nowMs, mayOrder, log: lines }) {
      const [text, kind] = PHASES[uplink.phase]
      setBadge(state, uplink.phase === 'up' && uplink.link !== null && uplink.link !== name ? `${text} over ${uplink.link}` : text, kind)
      write(order, uplink.order === null ? '' : `ordered: ${uplink.order.kind}, for ${duration(uplink.order.leftSec)} more`)
      const why = uplink.phase === 'idle' ? null : uplink.lastError // also what the remote has refused of a connection that is up
      show(trouble, why !== null)
      write(trouble, why === null ? '' : `${why}${uplink.nextAttemptSec === null ? '' : ` · next attempt in ${duration(uplink.nextAttemptSec)}`}`)
      figures.update(uplink, nowMs)
      show(buttons, mayOrder)
      clear.disabled = uplink.queued === 0
      budgetItems.update(uplink.budgets.map((budget) => ({ budget, nowMs })))
      links.update(uplink)
      log.update(lines)
    },
  }
}

class UplinkFigures {
  readonly #drain = new Drain()
  readonly #waiting = new Figure('Messages that wait')
  readonly #left = new Figure('Time to drain')
  readonly #pace = new Figure('Acknowledged / s')
  readonly #flight = new Figure('On their way')
  readonly #sent = new Figure('Sent since the start')
  readonly #received = new Figure('Received since the start')
  readonly #since = new Figure('In this state for')
  readonly element = h('dl', { class: 'figures' }, ...[this.#waiting, this.#left, this.#pace, this.#flight, this.#sent, this.#received, this.#since].map(({ element }) => element))

  update(uplink: Uplink, nowMs: number): void {
    const { queued, queuedBytes, waiting, phase, since } = uplink
    this.#drain.add(now(), uplink.acknowledged, queued)
    const { perSec, leftSec } = this.#drain
    const classes = Object.entries(waiting).filter(([, of]) => of > 0)
    this.#waiting.update(queued === 0 ? 'none' : `${count(queued)} · ${bytes(queuedBytes)}`, classes.map(([name, of]) => `${name}: ${count(of)}`).join('\n') || null)
    this.#left.update(queued === 0 ? 'empty' : phase !== 'up' ? 'not connected' : leftSec === null ? (perSec === null ? '…' : 'does not get less') : duration(leftSec), 'when it goes on as in the last two minutes')
    this.#pace.update(perSec === null ? '…' : rate(perSec), `${plural(uplink.acknowledged, 'message')} since the start, ${count(uplink.rejected)} refused`)
    this.#flight.update(count(uplink.inFlight))
    this.#sent.update(bytes(uplink.bytesSent))
    this.#received.update(bytes(uplink.bytesReceived))
    this.#since.update(since === null ? '–' : duration((nowMs - Date.parse(since)) / 1000), since === null ? null : dateAndTime(since))
  }
}

function orderButtons(desk: Desk, name: string): HTMLElement[] {
  const orders = [['connect', 'Connect now', 'It connects, and stays until all is sent.'], ['hold', 'Stay connected', 'For an hour.'], ['pause', 'Pause', 'No connection for an hour.'], ['none', 'As configured', 'What the links ask for again.']] as const
  return orders.map(([order, text, title]) => button(text, () => void desk.act(() => desk.api.ask('POST', `/uplinks/${encodeURIComponent(name)}/order`, { order, forSec: 3600 }), `${name}: ${text.toLowerCase()}.`), { title }))
}

/** Says how much is lost: what has come since is not. */
async function emptyQueue(desk: Desk, name: string): Promise<void> {
  const queued = desk.site.uplinks?.find((uplink) => uplink.name === name)?.queued ?? 0
  const isMeant = await confirm({ title: `Empty the queue of ${name}?`, text: `${plural(queued, 'message')} will be lost; they were not sent. An uplink that is connected has to be paused first.`, verb: `Lose ${plural(queued, 'message')}` })
  if (isMeant) await desk.act(() => desk.api.ask('DELETE', `/uplinks/${encodeURIComponent(name)}/queue?messages=${queued}`), `The queue of ${name} is empty.`)
}

function budgetItem(): Item<{ readonly budget: Budget; readonly nowMs: number }> {
  const title = h('h3')
  const state = badge('', 'quiet')
  const by = h('span', { class: 'quiet' })
  const [day, month] = [periodBar('Today'), periodBar('This month')]
  return {
    element: h('div', { class: 'budget' }, h('div', { class: 'budget-head' }, title, state, by), day.element, month.element),
    update({ budget, nowMs }) {
      write(title, `Budget of ${budget.link}`)
      write(by, `counted by ${budget.countedBy}${budget.reservedFor === null ? '' : ` · the last part is for ${budget.reservedFor}`}`)
      setBadge(state, `spent${budget.exhaustedUntil === null ? '' : `, again ${until(budget.exhaustedUntil, nowMs)}`}`, 'bad')
      show(state, budget.exhausted)
      day.update(budget.day, nowMs)
      month.update(budget.month, nowMs)
    },
  }
}

/** What is spent of a limit, and a mark where it will end. */
function periodBar(label: string): { readonly element: HTMLElement; update(period: Period, nowMs: number): void } {
  const figure = h('span', { class: 'number' })
  const spent = h('span', { class: 'bar-spent' })
  const forecast = h('span', { class: 'bar-forecast' })
  const bar = h('div', { class: 'bar-line', role: 'meter', 'aria-label': label, 'aria-valuemin': 0 }, forecast, spent)
  const more = h('span', { class: 'quiet' })
  return {
    element: h('div', { class: 'period' }, h('div', { class: 'period-head' }, h('span', {}, label), figure), bar, more),
    update({ bytes: used, limitBytes, lastBytes, forecastBytes, endsAt, warned }, nowMs) {
      write(figure, limitBytes === null ? `${bytes(used)}, no limit` : `${bytes(used)} of ${bytes(limitBytes)}`)
      show(bar, limitBytes !== null)
      if (limitBytes !== null) {
        spent.style.width = `${percent(used, limitBytes)}%`
        forecast.style.width = `${percent(forecastBytes ?? 0, limitBytes)}%`
        set(bar, { 'aria-valuemax': limitBytes, 'aria-valuenow': used, 'aria-valuetext': `${bytes(used)} of ${bytes(limitBytes)}`, 'data-state': used >= limitBytes ? 'bad' : warned || (forecastBytes ?? 0) > limitBytes ? 'warning' : 'good' })
      }
      const parts = [forecastBytes === null ? null : `${bytes(forecastBytes)} by the end, when it goes on like this`, endsAt === null ? null : `new ${until(endsAt, nowMs)}`, lastBytes === 0 ? null : `${bytes(lastBytes)} the time before`]
      write(more, parts.filter((part) => part !== null).join(' · '))
    },
  }
}

function linksTable(name: string): { readonly element: HTMLElement; update(uplink: Uplink): void } {
  const body = h('tbody')
  const rows = new Items<Uplink['links'][number] & { readonly isUsed: boolean }>(body, (link) => link.name, () => {
    const link = h('th', { scope: 'row' })
    const state = badge('', 'quiet')
    const [failures, next, error] = [cell('number'), cell('number'), cell()] as const
    return {
      element: h('tr', {}, link, h('td', {}, state), failures, next, error),
      update(of) {
        write(link, of.name)
        setBadge(state, of.isUsed ? 'in use' : of.wanted ? 'wanted' : 'not wanted now', of.isUsed ? 'good' : of.wanted && of.failures > 0 ? 'bad' : 'quiet')
        write(failures, count(of.failures))
        write(next, of.nextAttemptSec === null ? '–' : `in ${duration(of.nextAttemptSec)}`)
        write(error, of.lastError ?? '')
      },
    }
  })
  const element = h('div', {}, h('h3', {}, 'Links, cheapest first'), table(`Links of ${name}`, ['Link', 'State', 'Failures in a row', 'Next attempt', 'Why the last one failed'], body))
  return {
    element,
    update: ({ links, link }) => {
      show(element, links.length > 0)
      rows.update(links.map((one) => ({ ...one, isUsed: one.name === link })))
    },
  }
}

/** Connections and attempts, newest first, as the log has them. */
class DialLog {
  readonly #list = h('ol', { class: 'dial-log' })
  readonly #none = empty('Nothing yet, as far as the log goes back.')
  readonly #items = new Items<LogLine & { readonly key: string }>(this.#list, ({ key }) => key, logItem)
  readonly element: HTMLElement

  constructor(name: string) {
    set(this.#list, { 'aria-label': `Dial log of ${name}` })
    this.element = h('details', { open: true }, h('summary', {}, 'Dial log'), this.#list, this.#none)
  }

  update(lines: readonly LogLine[]): void {
    show(this.#none, lines.length === 0)
    this.#items.update(lines.slice(-LINES_MAX).toReversed().map((line) => ({ ...line, key: `${line.at} ${line.text}` })))
  }
}

function logItem(): Item<LogLine> {
  const at = h('time')
  const text = h('span')
  const why = h('span', { class: 'quiet' })
  const element = h('li', {}, at, h('span', { class: 'grow' }, text, ' ', why))
  return {
    element,
    update({ at: when, level, text: said, fields: { uplink, link, ...fields } }) {
      set(element, { 'data-level': level })
      set(at, { datetime: when })
      write(at, dateAndTime(when))
      write(text, said)
      write(why, Object.entries(link === uplink ? fields : { link, ...fields }).flatMap(([name, of]) => (of === undefined ? [] : [fact(name, of)])).join(' · '))
    },
  }
}

/** A field of a line: units are in its name. */
function fact(name: string, of: unknown): string {
  if (name === 'why') return String(of)
  if (name === 'waitMs') return `again in ${duration(Number(of) / 1000)}`
  if (typeof of === 'number' && name.endsWith('Ms')) return `${name.slice(0, -2)} ${duration(of / 1000)}`
  return `${name} ${typeof of === 'object' ? JSON.stringify(of) : String(of)}`
}
