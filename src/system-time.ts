// What the operating system knows of its clock. Reads small files of the kernel, once a second at most and until the clock is synced.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { clockIsSynchronised } from './libc.ts'
import type { SystemTime } from './timekeeper.ts'

/** A battery-backed clock that agrees this well with the system's is where that one was set from. */
const RTC_ERROR_SEC = 60

/** Of this machine; `root` is where its files are, for tests. */
export function systemTime(root = ''): SystemTime {
  const rtc = `${root}/sys/class/rtc/rtc0/since_epoch`
  let asks: (() => boolean) | null = clockIsSynchronised
  return {
    boot: bootIdentifier(`${root}/proc/sys/kernel/random/boot_id`),
    isSynced(wallMs) {
      try {
        if (asks?.() === true) return true
      } catch {
        asks = null // a kernel or sandbox that does not tell
      }
      // A clock without a battery starts at its own year one, or where the system has set it to: then it is no witness.
      if (asks !== null) return isNear(rtc, wallMs)
      return null
    },
  }
}

/** Where the kernel does not tell, one of our own: what it stamps is known to this process alone, and never taken for another's. */
function bootIdentifier(file: string): string {
  try {
    const known = /^[0-9a-f]{8}/.exec(readFileSync(file, 'latin1'))?.[0]
    if (known !== undefined) return known
  } catch {
    // No /proc, or one that hides it.
  }
  return randomBytes(4).toString('hex')
}

function isNear(file: string, wallMs: number): boolean {
  try {
    const sec = Number(readFileSync(file, 'latin1'))
    return Number.isFinite(sec) && sec > 0 && Math.abs(sec - wallMs / 1000) <= RTC_ERROR_SEC
  } catch {
    return false
  }
}
