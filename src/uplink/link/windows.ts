// Times of day when a link may be used: `mon-fri 22:00-06:00`, by the local clock. Pure.
//
// A window is what the clock on the wall shows: when it is put forward over a part of a window that part is missing, and when it is put
// back a part comes twice.
import type { WindowConfig } from '../../config/config.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

export function isOpen(window: WindowConfig, wallMs: number): boolean {
  const now = new Date(wallMs)
  const minute = now.getHours() * 60 + now.getMinutes()
  const { fromMinute, toMinute, days } = window
  const today = now.getDay()
  if (fromMinute < toMinute) return days.includes(today) && minute >= fromMinute && minute < toMinute
  return (days.includes(today) && minute >= fromMinute) || (days.includes((today + 6) % 7) && minute < toMinute)
}

/** Until the clock shows the next beginning or end, of any day. */
export function untilEdgeMs(window: WindowConfig, wallMs: number): number {
  const now = new Date(wallMs)
  const timeMs = (now.getHours() * 60 + now.getMinutes()) * MINUTE_MS + now.getSeconds() * 1000 + now.getMilliseconds()
  const until = (minute: number): number => ((minute * MINUTE_MS - timeMs + DAY_MS - 1) % DAY_MS) + 1
  return Math.min(until(window.fromMinute), until(window.toMinute))
}
