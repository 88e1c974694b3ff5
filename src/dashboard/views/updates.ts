// Which version runs, what became of the last update, and how another one is brought.
import { confirm } from '../parts/dialog.ts'
import { h, show, write } from '../parts/dom.ts'
import { ago } from '../parts/format.ts'
import { badge, type BadgeKind, button, card, empty, field, Figure, setBadge } from '../parts/pieces.ts'
import type { UpdateState } from '../parts/shapes.ts'
import type { Desk, View } from '../parts/view.ts'

const PATH = '/update'

const OUTCOMES: Readonly<Record<NonNullable<UpdateState['last']>['outcome'], readonly [string, BadgeKind]>> = {
  installed: ['installed', 'good'],
  'rolled-back': ['rolled back', 'warning'],
  refused: ['refused', 'bad'],
  failed: ['failed', 'bad'],
}

export function updatesView(desk: Desk): View {
  const figures = { version: new Figure('Version that runs'), root: new Figure('Version of the image'), slot: new Figure('Slot') }
  const elsewhere = empty('This machine does not run from the image: its package manager has the updates (sudo apt install ./sandpiper_VERSION_ARCH.deb).')
  const progress = h('p', { class: 'hint', role: 'status' })
  const trial = h('p')
  const trialCard = card('On trial', [badge('not kept yet', 'warning')], trial)
  const outcome = badge('', 'quiet')
  const last = h('p')
  const lastAt = h('p', { class: 'hint' })
  const lastCard = card('The last update', [outcome], last, lastAt)
  const back = button('Go back to the version before …', () => void rollBack(desk), { class: 'quiet-button' })
  const installCard = card('Install', [], installForm(desk), h('div', { class: 'buttons' }, back))
  return {
    needs: [PATH],
    element: h('div', { class: 'stack' }, card('Sandpiper', [], h('dl', { class: 'figures' }, ...Object.values(figures).map(({ element }) => element)), elsewhere, progress), trialCard, lastCard, installCard),
    update(site) {
      const state = site.get<UpdateState>(PATH)
      if (state === null || state === undefined) return
      figures.version.update(state.version)
      figures.root.update(state.rootVersion ?? '–')
      figures.slot.update(state.slot ?? '–')
      show(figures.root.element, state.rootVersion !== null)
      show(figures.slot.element, state.slot !== null)
      show(elsewhere, !state.available)
      show(progress, state.progress !== null)
      write(progress, state.progress ?? '')
      show(trialCard, state.trial !== null)
      if (state.trial !== null) write(trial, `${state.trial.version} (${state.trial.kind}) stays when it works${state.trial.waitsFor.length === 0 ? '' : `: it waits for ${state.trial.waitsFor.join(' or ')} to connect`}. Else ${state.trial.from} comes back.`)
      show(lastCard, state.last !== null)
      if (state.last !== null) {
        setBadge(outcome, ...OUTCOMES[state.last.outcome])
        write(last, state.last.text)
        write(lastAt, ago(state.last.at, site.nowMs))
      }
      show(installCard, state.available && site.may('admin'))
    },
  }
}

function installForm(desk: Desk): HTMLElement {
  const url = h('input', { type: 'url', required: true, placeholder: 'https://…', spellcheck: 'false', class: 'code' })
  const digest = h('input', { pattern: '[0-9a-fA-F]{64}', spellcheck: 'false', autocapitalize: 'none', class: 'code' })
  const said = h('span', { class: 'quiet', role: 'status' })
  return h('form', { class: 'form', onsubmit: (event: SubmitEvent) => {
    event.preventDefault()
    void desk.act(async () => {
      await desk.api.ask('POST', '/update/install', { url: url.value, ...(digest.value === '' ? {} : { sha256: digest.value.toLowerCase() }) })
      write(said, 'It is fetched, tried, and kept only when the broker works with it.')
    }, 'The update is under way.')
  } }, field('Address of the update', url, 'A signed *.raucb or *.sandpiper.'), field('SHA-256, if you have it', digest), h('div', { class: 'form-row' }, said, h('span', { class: 'grow' }), h('button', { type: 'submit', class: 'primary' }, 'Install')))
}

async function rollBack(desk: Desk): Promise<void> {
  if (!(await confirm({ title: 'Go back to the version before?', text: 'The gateway starts anew with it. Queues and messages stay.', verb: 'Go back' }))) return
  await desk.act(() => desk.api.ask('POST', '/update/rollback', {}), 'The version before is started.')
}
