// When a schedule (crontab(5), five fields, local time) comes next. Pure: config/cron-schema.ts has read the fields.
//
// Changes between winter and summer time, so that no run is lost or doubled:
//   - Hours are named (`30 2 * * *`): a time that the clock skips comes as much later as the clock is put forward (02:30 is 03:30 that day); a
//     time that comes twice counts the first time.
//   - Every hour (`*/30 * * * *`): it goes on through both, at each minute that the clock shows: also in the hour that comes twice.
import type { CronConfig } from '../../config/config.ts'

const MINUTE_MS = 60_000
/** 29 February stays away for eight years around a year like 2100. */
const DAYS_MAX = 366 * 8

/** Wall time of the first run after `afterMs`; Infinity when there is none. */
export function nextRunMs(cron: CronConfig, afterMs: number): number {
  const from = new Date(afterMs)
  for (let n = 0; n <= DAYS_MAX; n++) {
    const noon = new Date(from.getFullYear(), from.getMonth(), from.getDate() + n, 12)
    if (!isDay(cron, noon)) continue
    const runMs = cron.hours.length === 24 ? firstMinute(cron, noon, afterMs) : firstTime(cron, noon, afterMs)
    if (runMs !== Infinity) return runMs
  }
  return Infinity
}

function isDay(cron: CronConfig, day: Date): boolean {
  if (!cron.months.includes(day.getMonth() + 1)) return false
  const inMonth = cron.daysOfMonth.includes(day.getDate())
  const inWeek = cron.daysOfWeek.includes(day.getDay())
  return cron.eitherDay ? inMonth || inWeek : inMonth && inWeek
}

/** Every minute that there is between this midnight and the next. */
function firstMinute(cron: CronConfig, noon: Date, afterMs: number): number {
  const startMs = midnight(noon, 0)
  const endMs = midnight(noon, 1)
  for (let ms = Math.max(startMs, (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS); ms < endMs; ms += MINUTE_MS) {
    if (cron.minutes.includes(new Date(ms).getMinutes())) return ms
  }
  return Infinity
}

function firstTime(cron: CronConfig, noon: Date, afterMs: number): number {
  const times = cron.hours.flatMap((hour) => cron.minutes.map((minute) => new Date(noon.getFullYear(), noon.getMonth(), noon.getDate(), hour, minute).getTime()))
  return Math.min(Infinity, ...times.filter((ms) => ms > afterMs))
}

function midnight(day: Date, daysLater: number): number {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + daysLater).getTime()
}
