// Listens to messages: which ones, whether now, and what is left out. Messages are handed on once a frame at most, however fast they come.
//
// What is always true: nothing is listened to that nobody looks at. A hidden page, and one that nobody has touched for UNTOUCHED_MS, does not listen.
import { keepListening } from '../parts/api.ts'
import { after, type Timer } from '../parts/clock.ts'
import { h, set, write } from '../parts/dom.ts'
import { count, plural } from '../parts/format.ts'
import { button, field } from '../parts/pieces.ts'
import type { Message } from '../parts/shapes.ts'
import type { Desk } from '../parts/view.ts'

const UNTOUCHED_MS = 300_000
const SHOWN_BYTES = 1024
/** Between two frames; older ones are left out, and counted. */
const WAITING_MAX = 500
const FRAME_MS = 200

export class Listening {
  readonly element: HTMLElement
  readonly #desk: Desk
  readonly #tell: (messages: readonly Message[]) => void
  readonly #begin: () => void
  readonly #filter = h('input', { value: '#', autocapitalize: 'none', spellcheck: 'false', class: 'code', required: true })
  readonly #switch = button('Pause', () => (this.#isOn ? this.#stop('Paused.') : this.#listen()))
  readonly #state = h('span', { class: 'quiet', role: 'status' })
  #stopping: AbortController | null = null
  #untouched: Timer | null = null
  #frame: Timer | null = null
  #waiting: Message[] = []
  #left = 0
  /** Goes on when the page is seen again. */
  #isHeld = false

  /** `begin`: what has been told is forgotten. */
  constructor(desk: Desk, tell: (messages: readonly Message[]) => void, begin: () => void) {
    this.#desk = desk
    this.#tell = tell
    this.#begin = begin
    const form = h('form', { class: 'listen', onsubmit: (event: SubmitEvent) => {
      event.preventDefault()
      this.#begin()
      this.#listen()
    } }, field('Topic filter', this.#filter), h('button', { type: 'submit', class: 'primary' }, 'Listen'), this.#switch, this.#state)
    this.element = h('section', { class: 'card', 'aria-label': 'What is listened to' }, form)
    document.addEventListener('visibilitychange', this.#seen)
    for (const touch of ['pointerdown', 'keydown']) addEventListener(touch, this.#touched)
    this.#listen()
  }

  leave(): void {
    this.#stop('')
    document.removeEventListener('visibilitychange', this.#seen)
    for (const touch of ['pointerdown', 'keydown']) removeEventListener(touch, this.#touched)
  }

  get #isOn(): boolean {
    return this.#stopping !== null
  }

  #listen(): void {
    this.#stop('')
    const stopping = (this.#stopping = new AbortController())
    const path = `/subscribe?filter=${encodeURIComponent(this.#filter.value.trim() || '#')}&retained=true&payloadBytes=${SHOWN_BYTES}`
    set(this.#switch, { 'aria-pressed': null })
    write(this.#switch, 'Pause')
    void keepListening(this.#desk.api, path, stopping.signal, (event, data) => this.#take(event, data), (isListening, why) => {
      if (stopping.signal.aborted) return
      write(this.#state, isListening ? 'Listening.' : why === null ? 'The gateway has ended it: listening again …' : `Not listening: ${why}.`)
    })
    this.#touched()
  }

  #stop(why: string): void {
    this.#stopping?.abort()
    this.#stopping = null
    this.#untouched?.cancel()
    this.#frame?.cancel()
    this.#frame = null
    this.#flush()
    write(this.#switch, 'Go on')
    write(this.#state, why)
  }

  #take(event: string, data: never): void {
    if (event === 'left-out') this.#left += (data as { readonly count: number }).count
    else this.#waiting.push(data as Message)
    if (this.#waiting.length > WAITING_MAX) {
      this.#waiting.shift()
      this.#left++
    }
    this.#frame ??= after(FRAME_MS, () => {
      this.#frame = null
      this.#flush()
    })
  }

  #flush(): void {
    const messages = this.#waiting
    this.#waiting = []
    if (messages.length > 0) this.#tell(messages)
    if (this.#left > 0 && this.#isOn) write(this.#state, `Listening. ${plural(this.#left, 'message')} came too fast to be shown.`)
    set(this.#state, { title: this.#left > 0 ? `${count(this.#left)} left out since the filter was set` : null })
  }

  readonly #seen = (): void => {
    if (document.hidden && this.#isOn) {
      this.#stop('')
      this.#isHeld = true
    } else if (!document.hidden && this.#isHeld) {
      this.#isHeld = false
      this.#listen()
    }
  }

  readonly #touched = (): void => {
    this.#untouched?.cancel()
    if (this.#isOn) this.#untouched = after(UNTOUCHED_MS, () => this.#stop('Paused: nobody has touched this page for five minutes.'))
  }
}
