// Every level that lines have while something goes on, as another process sees them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { SimChip } from './sim.ts'
import { until } from './wait.ts'

/** For each line the first level, and each one that followed: `1` when it did not move. */
export async function seen(chip: SimChip, offsets: readonly number[], during: () => Promise<void>): Promise<string[]> {
  const files = offsets.map((offset) => chip.valueFile(offset))
  const watcher = spawn(process.execPath, [`${import.meta.dirname}/watch-lines.ts`, ...files], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  watcher.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  if (!(await until(() => printed !== '', 30_000))) throw new Error('nobody watches the lines')
  await during()
  const ended = once(watcher, 'close')
  watcher.kill('SIGTERM')
  await ended
  return offsets.map((_, n) => [...printed.matchAll(new RegExp(`^${n}=(.)$`, 'gm'))].map(([, level]) => level).join(''))
}
