// Is the clock right? Certificates, schedules and time stamps depend on it, and most boards lose the time with the power.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { RELEASE_DATE_MS, wallIsSet } from '../clock.ts'
import { systemTime } from '../system-time.ts'
import { fault, type Finding, ok, warning } from './finding.ts'
import type { Patient } from './patient.ts'

export interface TimeFacts {
  readonly wallMs: number
  /** null: this machine does not tell. */
  readonly isSynced: boolean | null
  /** The youngest file that is certainly older than now. */
  readonly newest: { readonly path: string; readonly wallMs: number } | null
}

/** A file system that rounds up, a clock that was moved a little. */
const AHEAD_MS = 60_000
const SET_IT = 'let it reach a time server (UDP port 123), give one under `time.servers` on the image, or set it: sudo timedatectl set-time "YYYY-MM-DD HH:MM"; a battery-backed clock or a GPS receiver keeps it without a network'

export function checkTime({ clock, root, gateway, config, file, edges }: Patient): Finding[] {
  const wallMs = clock.wall()
  const ofSystem = edges?.isSynced ?? ((now: number) => systemTime(root).isSynced(now))
  const paths = [...(config === null ? [] : [join(config.store.path, 'store.db-wal'), join(config.store.path, 'store.db')]), ...(file === null ? [] : [file.name]), `${root}/var/lib/systemd/timesync/clock`]
  return [timeFinding({ wallMs, isSynced: gateway?.timeSynced === true ? true : ofSystem(wallMs), newest: newestOf(paths) })]
}

export function timeFinding({ wallMs, isSynced, newest }: TimeFacts): Finding {
  const says = new Date(wallMs).toISOString()
  if (!wallIsSet(wallMs)) return fault('clock', `the clock says ${says}, and this release was made on ${new Date(RELEASE_DATE_MS).toISOString().slice(0, 10)}: it is wrong`, SET_IT)
  if (newest !== null && newest.wallMs > wallMs + AHEAD_MS) return fault('clock', `the clock says ${says}, and ${newest.path} was written at ${new Date(newest.wallMs).toISOString()}: it is wrong, or was`, SET_IT)
  if (isSynced === true) return ok('clock', `the clock is synchronised (${says})`)
  return warning('clock', `nobody has confirmed the clock since the machine was started (${says})`, SET_IT)
}

function newestOf(paths: readonly string[]): TimeFacts['newest'] {
  let newest: TimeFacts['newest'] = null
  for (const path of paths) {
    const wallMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs
    if (wallMs !== undefined && wallMs > (newest?.wallMs ?? -Infinity)) newest = { path, wallMs }
  }
  return newest
}
