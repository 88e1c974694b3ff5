// Who a client has proved to be, and by what.
import type { RuleConfig } from '../config/config.ts'

export interface Identity {
  /** null for nobody in particular. */
  readonly username: string | null
  /** '' is the gateway's own space. */
  readonly tenant: string
  /** The tenant that it has by itself; '' when it is in that of its listener. */
  readonly home: string
  readonly roles: readonly string[]
  /** The claims of its token; null without one. */
  readonly claims: Readonly<Record<string, unknown>> | null
  /** What its token allows besides the rules; null when it says nothing about that, and then only the rules count. */
  readonly grants: readonly RuleConfig[] | null
  /** Monotonic (Clock.now) time at which the proof is over, as a token's; Infinity when it does not end. */
  readonly endsAtMs: number
  readonly by: 'nothing' | 'password' | 'certificate' | 'token' | 'probe'
  /** What it was proved against: access.ts sees by it whether the proof still holds under another configuration. */
  readonly proof: unknown
}
