// What is installed, what is going on and what became of the last update: one record, and the same in words. Pure but for `statusOf`, which reads.
import { join } from 'node:path'
import type { Applications } from './application.ts'
import { type BootBlock, parseBootBlock, type Slot, slotInUse } from './boot-block.ts'
import type { Disk } from './disk.ts'
import type { Places } from './places.ts'
import type { Kind, Outcome, Records, Trial } from './record.ts'
import type { Progress } from './worker.ts'

export interface UpdateStatus {
  /** Of the program that runs; null for one that was not bundled. */
  readonly version: string | null
  /** It comes from an application update, and this is the root's own. */
  readonly rootVersion: string | null
  readonly slot: Slot | null
  readonly block: BootBlock | null
  readonly trial: { readonly kind: Kind; readonly version: string; readonly from: string; readonly waitsFor: readonly string[] } | null
  readonly progress: Progress | null
  readonly last: Omit<Outcome, 'asker'> | null
}

export function statusOf(places: Places, disk: Disk, records: Records, applications: Applications): UpdateStatus {
  const running = applications.running()
  const block = disk.read(places.bootBlock)
  const { trial, last } = records
  const { asker: _, ...told } = last ?? { asker: null }
  return {
    version: running?.version ?? null,
    rootVersion: applications.identity()?.version ?? null,
    slot: slotInUse(disk.read(places.cmdline)?.toString('latin1') ?? ''),
    block: block === null ? null : parseBootBlock(block),
    trial: trial === null ? null : waiting(trial),
    progress: progressOf(places, disk),
    last: last === null ? null : (told as Omit<Outcome, 'asker'>),
  }
}

function waiting({ kind, version, from, uplinks }: Trial): UpdateStatus['trial'] {
  return { kind, version, from, waitsFor: uplinks }
}

export function progressOf(places: Pick<Places, 'runtime'>, disk: Disk): Progress | null {
  try {
    return JSON.parse(disk.read(join(places.runtime, 'status.json'))?.toString('utf8') ?? 'null') as Progress | null
  } catch {
    return null
  }
}

/** Lines for a terminal. */
export function describeStatus({ version, rootVersion, slot, block, trial, progress, last }: UpdateStatus): string {
  const isApplication = version !== null && version !== rootVersion
  const lines = [`Sandpiper ${version ?? 'of no known version'}${isApplication ? `, an application update over ${rootVersion}` : ''}${slot === null ? '' : `, from slot ${slot}`}`]
  if (block === null && slot !== null) lines.push('The boot block cannot be read: the next update writes it anew.')
  else if (block !== null && slot !== null && block.good !== slot && block.onTrial !== slot) lines.push(`Slot ${block.good} should have started and could not.`)
  if (trial !== null) {
    const uplink = trial.waitsFor.length === 0 ? '' : ` and an uplink is connected (${trial.waitsFor.join(', ')})`
    lines.push(`${trial.kind === 'root' ? 'The root' : 'The application'} ${trial.version} is on trial: it stays when the broker works${uplink}, else ${trial.from} comes back.`)
  }
  if (progress !== null) lines.push(describeProgress(progress))
  if (last !== null) lines.push(`Last update: ${describeOutcome(last)}`)
  return `${lines.join('\n')}\n`
}

export function describeProgress({ phase, source, bytes, bytesTotal, percent, step }: Progress): string {
  switch (phase) {
    case 'downloading':
      return `downloading ${source}: ${bytes ?? 0}${bytesTotal === null ? '' : ` of ${bytesTotal}`} bytes`
    case 'installing':
      return `installing ${source}${percent === null ? '' : `: ${percent} %`}${step === '' ? '' : ` (${step})`}`
    case 'restarting':
      return `${source} is installed: starting anew`
    case 'waiting':
      return `${source} waits: ${step}`
  }
}

export function describeOutcome({ outcome, kind, version, reason, atMs, source }: Omit<Outcome, 'asker' | 'job'>): string {
  const what = [kind ?? '', version ?? ''].filter((word) => word !== '').join(' ') || (source ?? 'an update')
  const words = { installed: 'installed, and works', 'rolled-back': 'undone', refused: 'refused', failed: 'failed' }
  return `${what}: ${words[outcome]}${reason === '' ? '' : ` because ${reason}`} (${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC)`
}
