// What the operating system knows of its clock. Reads small files of the kernel, once a second at most and until the clock is synced.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { clockIsSynchronised } from './libc.ts'
import type { SystemTime } from './timekeeper.ts'

/** Files that are there once the clock is set, of those who set it: the image's chrony, systemd-timesyncd. A unit with ProtectClock= cannot ask the kernel. */
const TELLERS = ['/run/sandpiper-clock/set', '/run/systemd/timesync/synchronized']
/** A battery-backed clock that agrees this well with the system's is where that one was set from. */
const RTC_ERROR_SEC = 60

/** Of this machine; `root` is where its files are, for tests. */
export function systemTime(root = '', askKernel = clockIsSynchronised): SystemTime {
  const rtc = `${root}/sys/class/rtc/rtc0/since_epoch`
  let asks: (() => boolean) | null = askKernel
  const tellers = TELLERS.map((file) => `${root}${file}`)
  return {
    boot: bootIdentifier(`${root}/proc/sys/kernel/random/boot_id`),
    isSynced(wallMs) {
      if (tellers.some((file) => existsSync(file))) return true
      try {
        if (asks?.() === true) return true
      } catch {
        asks = null // a kernel or sandbox that does not tell
      }
      // A clock without a battery starts at its own year one, or where the system has set it to: then it is no witness.
      if (asks !== null || tellers.some((file) => existsSync(dirname(file)))) return isNear(rtc, wallMs)
      return null
    },
  }
}

/** Where the kernel does not tell, one of our own: what it stamps is known to this process alone, and never taken for another's. */
export function bootIdentifier(file = '/proc/sys/kernel/random/boot_id'): string {
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
