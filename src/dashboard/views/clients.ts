// Who is connected, and for whom messages are kept.
import { confirm } from '../parts/dialog.ts'
import { h, type Item, Items, show, write } from '../parts/dom.ts'
import { ago, bytes, count, dateAndTime, plural, until } from '../parts/format.ts'
import { button, card, cell, empty, field, table } from '../parts/pieces.ts'
import type { Client, PageOf, Session } from '../parts/shapes.ts'
import type { Desk, View } from '../parts/view.ts'

const PAGE = 100

interface Row<T> {
  readonly of: T
  readonly nowMs: number
  readonly mayAct: boolean
}

export function clientsView(desk: Desk): View {
  let limit = PAGE
  const view: { needs: readonly string[] } = { needs: [] }
  const ask = (): void => void (view.needs = [`/clients?limit=${limit}`, `/sessions?limit=${limit}`])
  ask()
  const search = h('input', { type: 'search', oninput: () => draw(), autocapitalize: 'none', spellcheck: 'false' })
  const found = h('p', { class: 'hint', role: 'status' })
  const more = button('Show more', () => {
    limit = Math.min(1000, limit + 400)
    ask()
    desk.refresh()
  })
  const online = new OnlineTable(desk)
  const away = new AwayTable(desk)
  let clients: PageOf<Client> | null = null
  let sessions: PageOf<Session> | null = null

  const draw = (): void => {
    if (clients === null || sessions === null) return
    const words = search.value.trim().toLowerCase()
    const isFound = ({ clientId, user, tenant }: { readonly clientId: string; readonly user: string | null; readonly tenant: string }): boolean => [clientId, user ?? '', tenant].some((text) => text.toLowerCase().includes(words))
    const { nowMs } = desk.site
    const mayAct = desk.site.may('operator')
    const shownClients = clients.items.filter(isFound)
    const shownSessions = sessions.items.filter((session) => !session.connected && isFound(session))
    online.update(shownClients.map((of) => ({ of, nowMs, mayAct })))
    away.update(shownSessions.map((of) => ({ of, nowMs, mayAct })))
    write(found, `${plural(clients.total, 'client')} connected, ${plural(sessions.total, 'session')} kept${words === '' ? '' : `; found ${shownClients.length} and ${shownSessions.length}`}${clients.next === null && sessions.next === null ? '' : `; the first ${limit} of each are here`}`)
    show(more, (clients.next !== null || sessions.next !== null) && limit < 1000)
  }

  return {
    get needs() {
      return view.needs
    },
    element: h('div', { class: 'stack' }, h('div', { class: 'find' }, field('Find a client, user or tenant', search), found), online.element, away.element, more),
    update(site) {
      clients = site.get<PageOf<Client>>(view.needs[0]!) ?? clients
      sessions = site.get<PageOf<Session>>(view.needs[1]!) ?? sessions
      draw()
    },
  }
}

const keyOf = ({ of: { tenant, clientId } }: Row<Client | Session>): string => `${tenant}/${clientId}`
const ownerOf = ({ user, tenant }: Client | Session): string => (tenant === '' ? (user ?? '–') : `${user ?? '–'} · ${tenant}`)
const tenantQuery = (tenant: string): string => (tenant === '' ? '' : `tenant=${encodeURIComponent(tenant)}`)

class OnlineTable {
  readonly #body = h('tbody')
  readonly #none = empty('Nobody is connected.')
  readonly #rows: Items<Row<Client>>
  readonly element: HTMLElement

  constructor(desk: Desk) {
    this.#rows = new Items(this.#body, keyOf, () => onlineRow(desk))
    this.element = card('Connected', [], table('Connected clients', ['Client', 'User', 'Address', 'MQTT', 'Since', 'Filters', 'Waiting', ''], this.#body), this.#none)
  }

  update(rows: readonly Row<Client>[]): void {
    show(this.#none, rows.length === 0)
    show(this.#none.previousElementSibling as HTMLElement, rows.length > 0)
    this.#rows.update(rows)
  }
}

function onlineRow(desk: Desk): Item<Row<Client>> {
  const id = h('th', { scope: 'row', class: 'code' })
  const [user, address, version, since, filters, waiting] = [cell(), cell('code'), cell(), cell(), cell('number'), cell('number')] as const
  let client: Client
  const away = button('Disconnect', () => void disconnect(desk, client), { class: 'quiet-button' })
  return {
    element: h('tr', {}, id, user, address, version, since, filters, waiting, h('td', { class: 'act' }, away)),
    update({ of, nowMs, mayAct }) {
      client = of
      write(id, of.clientId)
      write(user, ownerOf(of))
      write(address, of.address)
      write(version, `${of.version} ${of.transport}`)
      write(since, ago(of.connectedAt, nowMs))
      since.title = dateAndTime(of.connectedAt)
      write(filters, count(of.subscriptions))
      write(waiting, count(of.queued))
      show(away, mayAct)
      away.setAttribute('aria-label', `Disconnect ${of.clientId}`)
    },
  }
}

async function disconnect({ api, act }: Desk, { clientId, tenant }: Client): Promise<void> {
  if (!(await confirm({ title: `Disconnect ${clientId}?`, text: 'It may come again at once; to keep it out, change its user or the rules.', verb: 'Disconnect' }))) return
  await act(() => api.ask('DELETE', `/clients/${encodeURIComponent(clientId)}?${tenantQuery(tenant)}`), `${clientId} is disconnected.`)
}

class AwayTable {
  readonly #body = h('tbody')
  readonly #rows: Items<Row<Session>>
  readonly element: HTMLElement

  constructor(desk: Desk) {
    this.#rows = new Items(this.#body, keyOf, () => awayRow(desk))
    this.element = card('Away, with a session', [], table('Sessions of clients that are away', ['Client', 'User', 'Waiting', 'Size', 'Kept', 'Ends', ''], this.#body))
  }

  update(rows: readonly Row<Session>[]): void {
    show(this.element, rows.length > 0)
    this.#rows.update(rows)
  }
}

function awayRow(desk: Desk): Item<Row<Session>> {
  const id = h('th', { scope: 'row', class: 'code' })
  const [user, waiting, size, kept, ends] = [cell(), cell('number'), cell('number'), cell(), cell()] as const
  let session: Session
  const remove = button('Remove …', () => void removeSession(desk, session), { class: 'quiet-button' })
  return {
    element: h('tr', {}, id, user, waiting, size, kept, ends, h('td', { class: 'act' }, remove)),
    update({ of, nowMs, mayAct }) {
      session = of
      write(id, of.clientId)
      write(user, ownerOf(of))
      write(waiting, count(of.queued))
      write(size, bytes(of.queuedBytes))
      write(kept, of.durable ? 'on flash' : 'in memory')
      write(ends, of.endsAt === null ? 'never' : until(of.endsAt, nowMs))
      show(remove, mayAct)
      remove.setAttribute('aria-label', `Remove the session of ${of.clientId}`)
    },
  }
}

async function removeSession({ api, act }: Desk, { clientId, tenant, queued }: Session): Promise<void> {
  const lost = queued === 0 ? 'Nothing waits in it.' : `${plural(queued, 'message')} that wait for it will be lost.`
  if (!(await confirm({ title: `Remove the session of ${clientId}?`, text: lost, verb: 'Remove' }))) return
  const query = [`messages=${queued}`, tenantQuery(tenant)].filter((part) => part !== '').join('&')
  await act(() => api.ask('DELETE', `/sessions/${encodeURIComponent(clientId)}?${query}`), `The session of ${clientId} is gone.`)
}
