// Which start of the machine this is, and how long ago it was: what a time on flash that no clock may change is counted from.
import { bootOffsetMs, systemClock } from './clock.ts'
import { bootIdentifier } from './system-time.ts'

export interface Moment {
  readonly boot: string
  readonly sinceBootMs: number
}

const boot = bootIdentifier()

/** Now. Where the kernel does not tell which start this is, no other process has the same answer. */
export function thisMoment(): Moment {
  return { boot, sinceBootMs: systemClock.now() + bootOffsetMs }
}
