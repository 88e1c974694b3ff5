// gateway.yaml, checked while it is written. What is applied is on trial: whoever does not confirm it in time gets what was before back.
import { NoAnswer, Refused } from '../parts/api.ts'
import { after, now, type Timer } from '../parts/clock.ts'
import { confirm } from '../parts/dialog.ts'
import { h, show, write } from '../parts/dom.ts'
import { duration, plural } from '../parts/format.ts'
import { badge, button, card, setBadge } from '../parts/pieces.ts'
import type { Configuration, ConfigurationProblem, ConfigurationVerdict } from '../parts/shapes.ts'
import type { Desk, View } from '../parts/view.ts'
import { Editor } from './editor.ts'

const CHECK_AFTER_MS = 500
const CONFIRM_SEC = 120
const SOURCES: Readonly<Record<Configuration['source'], string>> = { file: 'in force', trial: 'another is in force, on trial', 'last-good': 'the last good one is in force', default: 'none is in force but the default' }

export function configurationView(desk: Desk): View {
  const page = new ConfigurationPage(desk)
  void page.load()
  return { needs: [], element: page.element, update() {}, leave: () => page.leave() }
}

class ConfigurationPage {
  readonly element: HTMLElement
  readonly #desk: Desk
  readonly #editor = new Editor(() => this.#changed())
  readonly #problems = h('ol', { class: 'problems' })
  readonly #verdict = badge('', 'quiet')
  readonly #source = h('span', { class: 'quiet' })
  readonly #note = h('p', { class: 'hint' })
  readonly #apply = button('Apply …', () => void this.#put(), { class: 'primary', disabled: true })
  readonly #undo = button('Undo changes', () => this.#show(this.#loaded!), { disabled: true })
  readonly #trial: TrialBar
  #loaded: Configuration | null = null
  #isValid = false
  #needsRestart: readonly string[] = []
  #timer: Timer | null = null
  #generation = 0

  constructor(desk: Desk) {
    this.#desk = desk
    this.#trial = new TrialBar(desk, () => void this.load())
    const live = h('div', { role: 'status', 'aria-live': 'polite' }, this.#verdict)
    this.element = h('div', { class: 'stack' }, this.#trial.element,
      card('gateway.yaml', [this.#source, live], this.#note, this.#editor.element, this.#problems, h('div', { class: 'buttons end' }, this.#undo, this.#apply)))
  }

  leave(): void {
    this.#generation++
    this.#timer?.cancel()
    this.#trial.leave()
  }

  async load(): Promise<void> {
    const generation = ++this.#generation
    try {
      const loaded = await this.#desk.api.ask<Configuration>('GET', '/configuration')
      if (generation === this.#generation) this.#show(loaded)
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
      if (generation !== this.#generation) return
      write(this.#note, `${error.message}.`)
      if (error instanceof NoAnswer) this.#timer = after(3000, () => void this.load())
    }
  }

  #show(loaded: Configuration): void {
    this.#loaded = loaded
    const { text, source, file, fixedBecause, needsRestart, trouble, trial, lastTrial } = loaded
    this.#editor.text = text ?? ''
    this.#editor.isReadOnly = fixedBecause !== null || text === null
    write(this.#source, `${file ?? 'no file'}: ${SOURCES[source]}`)
    const notes = [
      trouble,
      text === null ? 'It is not shown, because a secret in it could not be hidden.' : null,
      fixedBecause === null ? null : `It can only be looked at: ${fixedBecause}.`,
      text?.includes('(hidden ') === true ? 'Secrets are shown as (hidden 1), (hidden 2) …; those that stay so are kept.' : null,
      needsRestart.length > 0 ? `Counts from the next start on: ${needsRestart.join(', ')}.` : null,
      trial === null && lastTrial !== null ? `The last trial: ${lastTrial.outcome}${lastTrial.why === null ? '' : `, ${lastTrial.why}`}.` : null,
    ]
    write(this.#note, notes.filter((note) => note !== null).join(' '))
    this.#trial.show(trial)
    if (text !== null) void this.#check()
  }

  #changed(): void {
    this.#timer?.cancel()
    this.#timer = after(CHECK_AFTER_MS, () => void this.#check())
    this.#isValid = false
    this.#allow()
  }

  async #check(): Promise<void> {
    const generation = ++this.#generation
    const { text } = this.#editor
    try {
      const { valid, problems, needsRestart } = await this.#desk.api.ask<ConfigurationVerdict>('POST', '/configuration/check', { text })
      if (generation !== this.#generation) return
      this.#isValid = valid
      this.#needsRestart = needsRestart
      const errors = problems.filter(({ severity }) => severity === 'error').length
      const warnings = problems.length - errors
      const words = [errors > 0 ? plural(errors, 'mistake') : null, warnings > 0 ? plural(warnings, 'warning') : null].filter((word) => word !== null).join(', ')
      setBadge(this.#verdict, words !== '' ? words : 'good', errors > 0 ? 'bad' : warnings > 0 ? 'warning' : 'good')
      this.#editor.mark(problems)
      this.#problems.replaceChildren(...problems.map((problem) => this.#problem(problem)))
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
      if (generation === this.#generation) setBadge(this.#verdict, `not checked: ${error.message}`, 'warning')
    }
    this.#allow()
  }

  #problem({ severity, line, column, path, message, hint }: ConfigurationProblem): HTMLLIElement {
    return h('li', { 'data-severity': severity },
      h('button', { type: 'button', class: 'link', onclick: () => this.#editor.goTo(line, column) }, `Line ${line}, column ${column}`),
      path === '' ? null : h('span', { class: 'code quiet' }, ` ${path}`),
      h('p', {}, message), hint === '' ? null : h('p', { class: 'hint' }, hint))
  }

  get #isChanged(): boolean {
    return this.#loaded !== null && this.#loaded.text !== null && this.#editor.text !== this.#loaded.text
  }

  #allow(): void {
    const isWritable = this.#loaded?.writable === true
    this.#undo.disabled = !this.#isChanged
    this.#apply.disabled = !isWritable || !this.#isChanged || !this.#isValid || this.#loaded?.trial !== null
  }

  async #put(): Promise<void> {
    const { digest } = this.#loaded!
    if (!(await confirm({ title: 'Apply this configuration?', text: `It is on trial for ${duration(CONFIRM_SEC)}: confirm it here, or what was before comes back by itself.${this.#needsRestart.length === 0 ? '' : ` The gateway starts anew for ${this.#needsRestart.join(', ')}: clients are away for a second or two, and you may have to log in again.`}`, verb: 'Apply' }))) return
    const isDone = await this.#desk.act(() => this.#desk.api.ask('POST', '/configuration/apply', { text: this.#editor.text, digest, confirmWithinSec: CONFIRM_SEC }), 'The configuration is applied, on trial.')
    if (isDone) await this.load()
  }
}

/** How long it is left to confirm what was applied. */
class TrialBar {
  readonly #left = h('strong')
  readonly element: HTMLElement
  readonly #done: () => void
  #timer: Timer | null = null

  constructor(desk: Desk, done: () => void) {
    this.#done = done
    const keep = button('Keep it', () => void desk.act(() => desk.api.ask('POST', '/configuration/confirm', {}), 'The configuration stays.').then(done), { class: 'primary' })
    const back = button('Go back', () => void desk.act(() => desk.api.ask('POST', '/configuration/revert', {}), 'What was before is in force again.').then(done))
    this.element = h('section', { class: 'card trial', role: 'alert', hidden: true }, h('p', { class: 'grow' }, 'This configuration is on trial. ', this.#left), back, keep)
  }

  leave(): void {
    this.#timer?.cancel()
  }

  show(trial: Configuration['trial']): void {
    this.#timer?.cancel()
    show(this.element, trial !== null)
    if (trial !== null) this.#count(now() + trial.confirmWithinSec * 1000)
  }

  #count(endsMs: number): void {
    const leftMs = endsMs - now()
    write(this.#left, leftMs > 0 ? `What was before comes back in ${duration(leftMs / 1000)}.` : 'What was before comes back.')
    this.#timer = after(leftMs > 0 ? 1000 : 2000, () => (leftMs > 0 ? this.#count(endsMs) : this.#done()))
  }
}
