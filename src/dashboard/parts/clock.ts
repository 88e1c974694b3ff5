// The page's time: the only place of the page that asks for it, or waits.

export interface Timer {
  cancel(): void
}

/** Milliseconds that no setting of a clock moves. */
export function now(): number {
  return performance.now()
}

/** Of this browser, in milliseconds since 1970: may differ from the gateway's. */
export function wall(): number {
  return Date.now()
}

export function after(ms: number, run: () => void): Timer {
  const timer = setTimeout(run, ms)
  return { cancel: () => clearTimeout(timer) }
}
