// Processes that a test started end with it, also when it ends by an error that nobody caught or by a signal that nobody handles.
import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'

const running = new Set<ChildProcess>()

process.once('exit', () => {
  for (const child of running) killGroup(child)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    if (process.listenerCount(signal) === 0) process.exit(128 + constants.signals[signal])
  })
}

/** Ends it, and what belongs to it when it leads a group of its own (spawned `detached`). */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  for (const id of [-child.pid, child.pid]) {
    try {
      process.kill(id, 'SIGKILL')
      return
    } catch {
      // It leads no group, or it has ended.
    }
  }
}

export function endWithUs<T extends ChildProcess>(child: T): T {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}
