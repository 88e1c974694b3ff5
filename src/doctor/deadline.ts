// Whoever is asked may never answer.
import type { Clock } from '../clock.ts'

/** What `promise` gives, or `late` after `ms`. A promise that is late is left to itself; its rejection harms nobody then. */
export async function within<T, L>(clock: Clock, ms: number, promise: Promise<T>, late: L): Promise<T | L> {
  const { promise: over, resolve } = Promise.withResolvers<L>()
  const timer = clock.after(ms, () => resolve(late))
  promise.catch(() => {})
  try {
    return await Promise.race([promise, over])
  } finally {
    timer.cancel()
  }
}
