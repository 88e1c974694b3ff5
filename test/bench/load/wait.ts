// Waiting in the load generator. Nothing here decides about right or wrong: only how long to look.

/** Without progress for so long, what has not come will not come. */
const QUIET_MS = 10_000

export async function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms)
  await promise
}

/** Until `done`, or until `progress` has stood still for a while. */
export async function settled(done: () => boolean, progress: () => number, quietMs = QUIET_MS): Promise<boolean> {
  let last = progress()
  let since = performance.now()
  while (!done()) {
    await pause(2)
    const now = progress()
    if (now !== last) {
      last = now
      since = performance.now()
    } else if (performance.now() - since > quietMs) {
      return false
    }
  }
  return true
}
