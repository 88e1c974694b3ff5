// `sandpiper update`: what people and the appliance's units say to it. Installing is the work of sandpiper-update.service: whoever asks writes a
// request, as the gateway does, and looks at what comes of it.
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../clock.ts'
import { Progress as Bar, type ProgressTerminal, type Step } from './progress.ts'
import { chooseConfig } from '../config/choose.ts'
import type { UpdateConfig } from '../config/config.ts'
import { OperatorError } from '../errors.ts'
import { stayingAlive } from '../stay-alive.ts'
import { Applications } from '../update/application.ts'
import { disk } from '../update/disk.ts'
import { Download } from '../update/download.ts'
import { machineAt } from '../update/machine.ts'
import { markGood } from '../update/mark-good.ts'
import { type Places, placesBelow } from '../update/places.ts'
import { Records } from '../update/record.ts'
import { describeOutcome, describeProgress, describeStatus, progressOf, statusOf } from '../update/report.ts'
import { ask } from '../update/request.ts'
import { type Progress, Worker } from '../update/worker.ts'

const LOOK_MS = 500
/** The service takes a request within this time, or it does not run. */
const TAKEN_MS_MAX = 30_000

export interface UpdateWords {
  readonly config?: string | undefined
  readonly json?: boolean | undefined
}

export interface UpdateTerminal {
  write(text: string): void
  /** For how far it is; without it, and where a program reads, that is not told. */
  readonly progress?: ProgressTerminal
}

export function update(args: readonly string[], words: UpdateWords, terminal: UpdateTerminal, root = '/'): Promise<number> {
  return stayingAlive(() => carriedOut(args, words, terminal, root))
}

async function carriedOut([order, source]: readonly string[], words: UpdateWords, terminal: UpdateTerminal, root: string): Promise<number> {
  const places = placesBelow(root)
  const applications = new Applications(places, disk)
  const records = new Records(places, disk)
  const common = { clock: systemClock, places, disk, records, applications, machine: machineAt(places), say: (line: string) => terminal.write(`${line}\n`) }
  switch (order) {
    case 'status': {
      const status = statusOf(places, disk, records, applications)
      terminal.write(words.json === true ? `${JSON.stringify(status)}\n` : describeStatus(status))
      return 0
    }
    case 'install':
      if (source === undefined) throw new OperatorError('E_USAGE', 'update install wants a file or an address: sandpiper update install https://…')
      return follow(places, records, { install: /^https?:/i.test(source) ? source : resolve(source) }, words, terminal)
    case 'rollback':
      return follow(places, records, { rollback: true }, words, terminal)
    case 'mark-good':
      await markGood({ ...common, withinMs: configured(words.config, places).withinMs })
      return 0
    case 'work': {
      mkdirSync(join(places.runtime, 'requests'), { recursive: true, mode: 0o755 })
      const download = new Download({ clock: systemClock, disk, folder: places.data })
      await new Worker({ ...common, download, config: configured(words.config, places) }).run()
      return 0
    }
    default:
      throw new OperatorError('E_USAGE', 'update knows three words: status, install FILE-or-address, rollback')
  }
}

/** What gateway.yaml says, or the last good one, or nothing. */
function configured(file: string | undefined, { state }: Places): UpdateConfig {
  if (file === undefined) throw new OperatorError('E_USAGE', 'this word is for the unit of the appliance: it wants --config FILE')
  const choices = chooseConfig(file, { state, lastGood: true, orDefault: true, detectedBoard: null, moment: null })
  return choices.candidates().next().value!.config.update
}

/** Asks, and tells what comes of it until it is done or the machine restarts. 0 when it was installed or is on trial, 1 when it was not. */
async function follow(places: Places, records: Records, wish: Parameters<typeof ask>[1], { json }: UpdateWords, terminal: UpdateTerminal): Promise<number> {
  if (disk.read(places.raucConfig) === null) throw new OperatorError('E_NO_SLOTS', 'this machine does not run from the image')
  const folder = join(places.runtime, 'requests')
  let id: string
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    id = ask(folder, wish, null)
  } catch (error) {
    throw new OperatorError('E_UPDATE', `updates are root's to install (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
  const askedMs = systemClock.now()
  const bar = json === true || terminal.progress === undefined ? null : new Bar('update', terminal.progress, systemClock)
  for (;;) {
    const { last, job, trial } = records
    if (last?.job === id) {
      bar?.end()
      const { asker: _, ...outcome } = last
      terminal.write(json === true ? `${JSON.stringify(outcome)}\n` : `${describeOutcome(last)}\n`)
      return last.outcome === 'installed' || (last.outcome === 'rolled-back' && 'rollback' in wish) ? 0 : 1
    }
    const progress = progressOf(places, disk)
    const isOurs = progress?.job === id || job?.id === id || trial?.job === id
    if (!isOurs && systemClock.now() - askedMs > TAKEN_MS_MAX) throw new OperatorError('E_UPDATE', 'nobody takes the request')
    if (progress?.job === id && progress.phase === 'restarting') {
      bar?.end()
      terminal.write(json === true ? `${JSON.stringify(progress)}\n` : 'Installed, and on trial: `sandpiper update status` says what becomes of it.\n')
      return 0
    }
    if (progress?.job === id) bar?.at(stepOf(progress))
    else if (trial?.job === id) bar?.at({ done: 0, total: null, unit: 'percent', note: `${trial.version} is on trial` })
    await new Promise<void>((resolve) => void systemClock.after(LOOK_MS, resolve))
  }
}

function stepOf(progress: Progress): Step {
  const { phase, source, bytes, bytesTotal, percent, step } = progress
  if (phase === 'downloading') return { done: bytes ?? 0, total: bytesTotal, unit: 'bytes', note: `downloading ${source}` }
  return { done: percent ?? 0, total: percent === null ? null : 100, unit: 'percent', note: phase === 'installing' ? ['installing', step].filter((word) => word !== '').join(': ') : describeProgress(progress) }
}
