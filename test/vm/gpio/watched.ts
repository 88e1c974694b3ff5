// Every level that a line has while something goes on, as another process sees it that looks without a pause.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { SimChip } from './sim.ts'
import { until } from './site.ts'

/** The first level, and each one that followed: `1` when it did not move. */
export async function seen(chip: SimChip, offset: number, during: () => Promise<void>): Promise<string> {
  const watcher = spawn(process.execPath, [`${import.meta.dirname}/watch-line.ts`, chip.valueFile(offset)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let levels = ''
  watcher.stdout.setEncoding('utf8').on('data', (text: string) => (levels += text))
  if (!(await until(() => levels !== ''))) throw new Error('nobody watches the line')
  await during()
  const ended = once(watcher, 'close')
  watcher.kill('SIGTERM')
  await ended
  return levels
}
