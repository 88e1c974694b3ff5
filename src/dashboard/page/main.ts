// The page: who asks is found out first, then one view is shown, and asked for again and again.
//
//   open ─► GET /login ─┬─► a role ────────────► rounds ─► view
//                       ├─► none ─► login ─────────┘
//                       └─► no answer ─► again, with growing pauses
import { Api, NoAnswer, Refused } from '../parts/api.ts'
import { after } from '../parts/clock.ts'
import { fill } from '../parts/dom.ts'
import { retryMs } from '../parts/pace.ts'
import { Recent } from '../parts/recent.ts'
import { Rounds } from '../parts/rounds.ts'
import type { Who } from '../parts/shapes.ts'
import { ALARMS, Site } from '../parts/site.ts'
import { applyTheme } from '../parts/theme.ts'
import type { Desk, View } from '../parts/view.ts'
import { Login } from './login.ts'
import { routeOf, ROUTES } from './routes.ts'
import { Shell } from './shell.ts'
import { watch } from './watch.ts'

const api = new Api()
const site = new Site()
const recent = new Recent()
let view: View | null = null
let shown = ''

const shell = new Shell({ leave: () => void logOut(), retry: () => (site.role === null ? void begin() : rounds.now()) })
const login = new Login(api, () => void begin())
/** Asked once, so that the way to them is offered. */
const OFFERS = ROUTES.flatMap(({ path, role }) => (path === undefined ? [] : [{ path, role }]))
const rounds = new Rounds({
  api,
  site,
  needs: () => [ALARMS, ...OFFERS.flatMap(({ path, role }) => (site.may(role) && site.get(path) === undefined ? [path] : [])), ...(view?.needs ?? [])],
  told: () => {
    watch(recent, site)
    shell.update(site)
    showRoute()
    view?.update(site)
  },
  failed: (why, againMs) => shell.failed(why, againMs),
  unauthorized: () => void begin('Your login has ended: log in again.'),
})
const desk: Desk = {
  api,
  site,
  recent,
  say: (text, kind) => shell.say(text, kind),
  refresh: () => rounds.now(),
  act: async (what, done) => {
    try {
      await what()
      shell.say(done)
      rounds.now()
      return true
    } catch (error) {
      if (!(error instanceof Refused || error instanceof NoAnswer)) throw error
      shell.say(error.message, 'bad')
      return false
    }
  },
}

let attempts = 0

async function begin(why: string | null = null): Promise<void> {
  rounds.stop()
  try {
    const { name, role } = await api.ask<Who>('GET', '/login')
    attempts = 0
    if (site.role !== role) leaveView() // another may do other things
    site.name = name
    site.role = role
    if (role === null) return ask(why)
    shell.showLeave(api.hasToken)
    fill(document.body, [shell.element])
    rounds.start()
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
      api.useToken(null)
      site.role = null
      return error.status === 401 ? void begin(why ?? 'Your login has ended: log in again.') : ask(error.message)
    }
    fill(document.body, [shell.element])
    const againMs = retryMs(++attempts)
    shell.failed((error as Error).message, againMs)
    after(againMs, () => void (site.role === null && begin(why)))
  }
}

function ask(why: string | null): void {
  leaveView()
  site.forget()
  fill(document.body, [login.element])
  document.title = 'Log in · Sandpiper'
  login.open(why)
}

async function logOut(): Promise<void> {
  await api.ask('DELETE', '/login').catch(() => {}) // its token ends by itself
  api.useToken(null)
  site.role = null
  void begin()
}

/** Where the address says; nothing where it is shown already. */
function showRoute(): void {
  const route = routeOf(location.hash)
  if (site.role === null || shown === route.hash) return
  const isFirst = shown === ''
  leaveView()
  shown = route.hash
  view = route.make(desk)
  shell.showView(route, view, isFirst)
  view.update(site)
}

function leaveView(): void {
  view?.leave?.()
  view = null
  shown = ''
}

addEventListener('hashchange', () => {
  if (site.status === null) return // the first round shows it
  showRoute()
  rounds.now()
})
applyTheme()
void begin()
