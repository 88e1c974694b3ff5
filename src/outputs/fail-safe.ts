// When nobody is there any more to command an output. Pure: asked once a second.
// Rules:
// - The client that gave the last command has it in hand. Before the first command since the start nobody has: that counts as gone.
// - As long as that client is gone the output is to be safe, whatever it is that would switch it. An uplink that is down is told once: whoever
//   commands the output after that, on the spot, is not overruled.
import type { FailSafeConfig } from '../config/config.ts'

export class FailSafe {
  readonly #config: FailSafeConfig
  /** Who commanded last; null: nobody that could go away. */
  #controller: object | null = null
  #isCommanded = false
  #clientGoneSinceMs: number | null
  #uplinkGoneSinceMs: number | null = null
  #uplinkTold = false

  constructor(config: FailSafeConfig, nowMs: number) {
    this.#config = config
    this.#clientGoneSinceMs = nowMs
  }

  /** `origin` null: the gateway itself, which is there. */
  commanded(origin: object | null): void {
    this.#controller = origin
    this.#isCommanded = true
    this.#clientGoneSinceMs = null
  }

  /** Why the output is to be made safe now; null when it is not. */
  check(nowMs: number, isOnline: (client: object) => boolean, isUp: (uplink: string) => boolean): string | null {
    const { clientGoneMs, uplinkGone } = this.#config
    if (this.#isCommanded && (this.#controller === null || isOnline(this.#controller))) this.#clientGoneSinceMs = null
    else this.#clientGoneSinceMs ??= nowMs
    const uplinkIsGone = uplinkGone !== null && !isUp(uplinkGone.name)
    this.#uplinkGoneSinceMs = uplinkIsGone ? (this.#uplinkGoneSinceMs ?? nowMs) : null
    if (!uplinkIsGone) this.#uplinkTold = false
    if (this.#clientGoneSinceMs !== null && nowMs - this.#clientGoneSinceMs >= clientGoneMs) {
      return this.#isCommanded ? 'the client that commanded it has gone' : 'nobody has commanded it since the start'
    }
    if (uplinkGone !== null && this.#uplinkGoneSinceMs !== null && !this.#uplinkTold && nowMs - this.#uplinkGoneSinceMs >= uplinkGone.afterMs) {
      this.#uplinkTold = true
      return `the uplink ${uplinkGone.name} is down`
    }
    return null
  }
}
