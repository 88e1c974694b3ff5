// Alarms that hold now, most severe first. Who has seen one takes it from the traffic light; it comes back when its cause does.
import { h, type Item, Items, set, show, write } from '../parts/dom.ts'
import { ago, dateAndTime } from '../parts/format.ts'
import { badge, button, card, LampIcon, setBadge } from '../parts/pieces.ts'
import type { Alarm } from '../parts/shapes.ts'
import type { Site } from '../parts/site.ts'
import type { Desk } from '../parts/view.ts'

interface Shown {
  readonly alarm: Alarm
  readonly nowMs: number
  readonly mayClear: boolean
}

export class AlarmList {
  readonly #list = h('ul', { class: 'alarms' })
  readonly #items: Items<Shown>
  readonly element = card('Alarms', [], this.#list)

  constructor(desk: Desk) {
    this.#items = new Items(this.#list, ({ alarm }) => alarm.name, () => alarmItem(desk))
  }

  update(site: Site): void {
    show(this.element, site.alarms.length > 0)
    this.#items.update(site.alarms.map((alarm) => ({ alarm, nowMs: site.nowMs, mayClear: site.may('operator') })))
  }
}

function alarmItem(desk: Desk): Item<Shown> {
  const lamp = new LampIcon()
  const message = h('strong')
  const hint = h('span', { class: 'quiet' })
  const since = h('time', { class: 'quiet' })
  const seen = badge('', 'quiet')
  let name = ''
  const clear = button('Acknowledge', () => void desk.act(() => desk.api.ask('POST', '/alarms/clear', { name }), 'The alarm is acknowledged.'))
  return {
    element: h('li', {}, lamp.element, h('div', { class: 'grow' }, message, hint), seen, since, clear),
    update({ alarm, nowMs, mayClear }) {
      name = alarm.name
      lamp.update(alarm.severity === 'critical' ? 'bad' : 'warning')
      write(message, alarm.message)
      write(hint, alarm.hint)
      set(since, { datetime: alarm.since, title: dateAndTime(alarm.since) })
      write(since, ago(alarm.since, nowMs))
      setBadge(seen, alarm.state === 'active' ? '' : 'acknowledged', 'quiet')
      show(seen, alarm.state !== 'active')
      show(clear, mayClear && alarm.state === 'active')
      set(clear, { 'aria-label': `Acknowledge ${alarm.name}` })
    },
  }
}
