// Waits for something that another process or thread brings about. A test says what it waits for, and learns that when it
// does not come; it never sleeps a fixed time.

const POLL_MS = 5

/** Resolves with the first truthy answer of `condition`; rejects after `timeoutMs` with `what` and the last error it threw. */
export async function until<T>(condition: () => T | Promise<T>, what: string, timeoutMs = 5000): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    let failure: unknown
    try {
      const answer = await condition()
      if (answer) return answer
    } catch (error) {
      failure = error
    }
    if (performance.now() >= deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: failure })
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
