// Whether an update on trial stays: decided here, done by mark-good.ts. Pure.
//
//   it runs ──► broker answers ──► an uplink was up before? ──► one is up ──► keep
//      │            │ not in time          │ no ──────────────────► keep
//      │            ▼                      ▼ not in time
//      │           undo                   undo
//      └ GRUB went back by itself, or app-start did: tell so
//
// The time runs while this machine runs and is remembered over restarts. A broker that does not answer has at most BROKER_MS_MAX: that needs no
// patience. An uplink may need all the time that is configured: a satellite's windows are hours apart. While it is waited for, starts do not
// count against the update, because a site that is switched off every night is no sign of a bad one.
import type { BootBlock, Slot } from './boot-block.ts'
import type { Trial } from './record.ts'

/** A large store takes a while to open on a slow card. */
export const BROKER_MS_MAX = 5 * 60_000

export interface Sight {
  /** null where there are no slots. */
  readonly slot: Slot | null
  readonly block: BootBlock | null
  /** Name of the application that runs; null for the root's own program. */
  readonly application: string | null
  /** null when the broker works, or why it does not. */
  readonly brokerTrouble: string | null
  /** Uplinks that have been connected since the gateway was started. */
  readonly uplinks: readonly string[]
  /** Since this service was started. */
  readonly sinceMs: number
}

export type Verdict =
  | { readonly verdict: 'wait'; readonly for: 'broker' | 'uplink' }
  | { readonly verdict: 'keep' }
  | { readonly verdict: 'undo'; readonly reason: string }
  /** It does not run any more: something else has undone it. */
  | { readonly verdict: 'undone'; readonly reason: string }
  /** Nothing was tried: the installation was cut off before. */
  | { readonly verdict: 'forget' }

/** `withinMs`: configured, for all of it. */
export function judge(trial: Trial, sight: Sight, withinMs: number): Verdict {
  const runs = trial.kind === 'root' ? sight.slot === trial.slot : sight.application === trial.slot
  if (!runs) {
    if (!trial.isInstalled) return { verdict: 'forget' }
    // Not started yet: the machine was switched off before it was restarted.
    if (trial.kind === 'root' && sight.block?.onTrial === trial.slot && sight.block.tries > 0) return { verdict: 'wait', for: 'broker' }
    return { verdict: 'undone', reason: trial.kind === 'root' ? 'it did not start: the boot loader went back to the other slot' : 'it does not fit the root that runs now' }
  }
  if (sight.brokerTrouble !== null) {
    if (sight.sinceMs < Math.min(withinMs, BROKER_MS_MAX)) return { verdict: 'wait', for: 'broker' }
    return { verdict: 'undo', reason: `the broker did not work: ${sight.brokerTrouble}` }
  }
  if (trial.uplinks.length === 0 || trial.uplinks.some((name) => sight.uplinks.includes(name))) return { verdict: 'keep' }
  if (trial.waitedMs + sight.sinceMs < withinMs) return { verdict: 'wait', for: 'uplink' }
  return { verdict: 'undo', reason: `no uplink was connected in time (before the update: ${trial.uplinks.join(', ')})` }
}
