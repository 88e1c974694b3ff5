// What the facts come to: whose configuration runs and why, and which light says it. Pure.
import type { ConfigSource } from '../config/choose.ts'
import type { CardFacts } from './facts.ts'
import type { LedCode } from './led.ts'

export interface Verdict {
  /** not-read: nothing was applied since the start. */
  readonly file: 'accepted' | 'mistake' | 'does-not-start' | 'not-read'
  /** Whose configuration runs, or would. */
  readonly runs: ConfigSource
  /** Why the gateway does not start with a file that is in order. */
  readonly trouble: string | null
}

export function verdictOf({ applied, status }: CardFacts): Verdict {
  const runs = status?.config.source ?? applied?.source ?? 'default'
  if (applied === null) return { file: 'not-read', runs, trouble: null }
  if (applied.source !== 'file' && applied.source !== 'trial') return { file: 'mistake', runs, trouble: null }
  const trouble = status?.config.trouble ?? null
  return runs === 'file' || runs === 'trial' ? { file: 'accepted', runs, trouble: null } : { file: 'does-not-start', runs, trouble }
}

/** A broker that starts may take so long: a large store is read before it answers. */
const STARTING_SEC = 120

export function ledOf(facts: CardFacts): LedCode {
  const { runs, file } = verdictOf(facts)
  if (facts.data.trouble !== null) return 'no-data'
  if (facts.status === null || (facts.answer !== null && facts.answer.why !== null)) return facts.uptimeSec < STARTING_SEC ? 'starting' : 'no-broker'
  if (runs === 'default' && file !== 'accepted') return 'default'
  if (runs === 'last-good') return 'last-good'
  if (facts.isTrial) return 'trying'
  return facts.status.uplinks.some((uplink) => !uplink.connected) ? 'no-uplink' : 'good'
}
