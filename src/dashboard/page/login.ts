// Who asks: a user with a password, or a token. What is typed goes to the gateway, once; what is kept is a token that ends.
import { type Api, NoAnswer, Refused } from '../parts/api.ts'
import { h, show, write } from '../parts/dom.ts'
import { field } from '../parts/pieces.ts'
import type { Who } from '../parts/shapes.ts'
import { mark } from './brand.ts'

type Way = 'password' | 'token'

const WAYS: readonly (readonly [Way, string])[] = [['password', 'Password'], ['token', 'Token']]

export class Login {
  readonly element: HTMLElement
  readonly #api: Api
  readonly #done: () => void
  readonly #why = h('p', { class: 'trouble', role: 'alert', hidden: true })
  readonly #user = h('input', { name: 'user', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: true })
  readonly #password = h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true })
  readonly #token = h('input', { name: 'token', type: 'password', autocomplete: 'off', required: true })
  readonly #keep = h('input', { name: 'keep', type: 'checkbox' })
  readonly #button = h('button', { type: 'submit', class: 'primary wide' }, 'Log in')
  readonly #byPassword = h('div', {}, field('User name', this.#user), field('Password', this.#password))
  readonly #byToken = h('div', {}, field('Token', this.#token, 'One of http.tokens, or a JSON Web Token of a user.'))
  #way: Way = 'password'

  constructor(api: Api, done: () => void) {
    this.#api = api
    this.#done = done
    const tabs = WAYS.map(([way, text]) => h('label', { class: 'choice' }, h('input', { type: 'radio', name: 'way', value: way, checked: way === this.#way, onchange: () => this.#choose(way) }), h('span', {}, text)))
    const form = h('form', { onsubmit: (event: SubmitEvent) => void this.#submit(event) },
      h('fieldset', { class: 'choices' }, h('legend', { class: 'visually-hidden' }, 'Way to log in'), ...tabs),
      this.#byPassword, this.#byToken,
      h('label', { class: 'check' }, this.#keep, ' Stay logged in on this device'),
      this.#why, this.#button)
    this.element = h('main', { class: 'login', id: 'main', tabindex: -1 }, h('div', { class: 'login-box' }, h('div', { class: 'login-head' }, mark(), h('h1', {}, 'Sandpiper')), form))
    this.#choose('password')
  }

  /** `why`: what has become of the login before; null for none. */
  open(why: string | null): void {
    this.#say(why)
    ;(this.#way === 'token' ? this.#token : this.#user.value === '' ? this.#user : this.#password).focus()
  }

  #choose(way: Way): void {
    this.#way = way
    show(this.#byPassword, way === 'password')
    show(this.#byToken, way === 'token')
    for (const input of [this.#user, this.#password]) input.disabled = way !== 'password'
    this.#token.disabled = way !== 'token'
    this.#say(null)
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    this.#button.disabled = true
    try {
      if (this.#way === 'token') {
        this.#api.useToken(this.#token.value.trim(), this.#keep.checked)
        await this.#api.ask<Who>('GET', '/login')
      } else {
        const { token } = await this.#api.ask<{ readonly token: string }>('POST', '/login', { user: this.#user.value, password: this.#password.value })
        this.#api.useToken(token, this.#keep.checked)
      }
      this.#password.value = this.#token.value = ''
      this.#done()
    } catch (error) {
      this.#api.useToken(null)
      this.#say(error instanceof Refused ? sentence(error.message) : error instanceof NoAnswer ? 'The gateway does not answer.' : String(error))
    } finally {
      this.#button.disabled = false
    }
  }

  #say(why: string | null): void {
    show(this.#why, why !== null)
    write(this.#why, why ?? '')
  }
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}
