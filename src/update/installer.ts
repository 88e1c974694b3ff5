// Installs one update that is there as a file. What is written, and in which order, is such that a power
// cut anywhere leaves what ran before, or the new one on trial:
//
//   application   checked ─► staged beside ─► starts at all? ─► trial.json ─► `current` ─► restarted, watched
//   root          checked ─► trial.json (not installed yet) ─► RAUC writes the other slot ─► on trial there ─► installed ─► restart
import { closeSync, constants, createReadStream, openSync, readSync } from 'node:fs'
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { type Applications, filesBelow } from './application.ts'
import { otherSlot, slotInUse } from './boot-block.ts'
import type { Disk } from './disk.ts'
import type { Machine } from './machine.ts'
import { gatewayStatus } from './mark-good.ts'
import { isPackage, misfit, openPackage, PACKAGE_BYTES_MAX, unpackFiles } from './package.ts'
import type { Places } from './places.ts'
import type { Job, Kind, Outcome, Records, Trial } from './record.ts'
import { keysOf } from './signature.ts'
import { compareVersions } from './version.ts'

const BUNDLE_MAGIC = Buffer.from('hsqs', 'latin1')
/** A slot's image and what belongs to it. */
export const BUNDLE_BYTES_MAX = 600_000_000
/** Of one job, when the machine goes down in each. */
const ATTEMPTS_MAX = 3

export interface InstallerDeps {
  readonly clock: Clock
  readonly places: Places
  readonly disk: Disk
  readonly records: Records
  readonly applications: Applications
  readonly machine: Machine
  readonly onProgress: (percent: number, step: string) => void
}

/** restarting: installed, and on trial from the restart on, which has been asked for. */
export type Installed = { readonly result: 'restarting'; readonly kind: Kind } | { readonly result: 'refused' | 'failed'; readonly kind: Kind | null; readonly version: string | null; readonly reason: string }

/** What a file is by its first bytes; null for neither. */
export function kindOf(head: Buffer): Kind | null {
  if (isPackage(head)) return 'application'
  return head.subarray(0, BUNDLE_MAGIC.length).equals(BUNDLE_MAGIC) ? 'root' : null
}

export class Installer {
  readonly #deps: InstallerDeps

  constructor(deps: InstallerDeps) {
    this.#deps = deps
  }

  /** `path`: the job's file, or what was downloaded. */
  async install(job: Job, path: string): Promise<Installed> {
    const { records } = this.#deps
    if (job.attempts >= ATTEMPTS_MAX) return { result: 'failed', kind: null, version: null, reason: `the machine went down in each of ${ATTEMPTS_MAX} attempts` }
    records.job = { ...job, attempts: job.attempts + 1 }
    let head: Buffer
    try {
      head = readBeginning(path, 8)
      if (job.sha256 !== null && (await sha256Of(path)) !== job.sha256) return refused('it is not the file whose SHA-256 was given')
    } catch (error) {
      return refused(`it cannot be read (${(error as Error).message})`)
    }
    const kind = kindOf(head)
    if (kind === null) return refused('it is neither an application package nor a bundle of a root')
    return kind === 'root' ? this.#root(job, path) : this.#application(job, readBeginning(path, PACKAGE_BYTES_MAX + 1))
  }

  async #application(job: Job, bytes: Buffer): Promise<Installed> {
    const { places, disk, records, applications, machine } = this.#deps
    const opened = openPackage(bytes, keysOf(disk.read(places.certificates)?.toString('latin1') ?? ''))
    if (typeof opened === 'string') return refused(opened, 'application')
    const { version, tree } = opened.manifest
    const no = (reason: string): Installed => refused(reason, 'application', version)
    const identity = applications.identity()
    const running = applications.running()
    if (identity === null || running === null) return no('the program of this root does not say what it is: install a root update')
    const name = applications.nameOf(version, tree.sha256)
    if (running.application === name) return no(`${version} is installed already`)
    if (!job.allowDowngrade && compareVersions(version, running.version) < 0) return no(`${version} is older than the installed ${running.version}: \`update: { allowDowngrade: true }\` would take it`)
    const trouble = misfit(opened.manifest, identity)
    if (trouble !== null) return no(trouble)
    const files = unpackFiles(opened, opened.manifest.base === null ? null : filesBelow(running.folder, disk))
    if (typeof files === 'string') return no(files)
    const folder = applications.stage(name, files)
    const silent = await machine.startsUp(folder, version)
    if (silent !== null) return no(silent)
    const trial = this.#trial(job, 'application', version, running.version, name)
    records.trial = trial
    applications.switchTo(name)
    records.trial = { ...trial, isInstalled: true }
    return { result: 'restarting', kind: 'application' }
  }

  async #root(job: Job, path: string): Promise<Installed> {
    const { places, disk, records, applications, machine, onProgress } = this.#deps
    const slot = slotInUse(disk.read(places.cmdline)?.toString('latin1') ?? '')
    if (slot === null) return refused('this machine was not started from a slot', 'root')
    const info = await machine.bundleInfo(path)
    if (typeof info === 'string') return refused(`it is damaged, or not signed with a key that this gateway trusts (${info})`, 'root')
    const { version } = info
    const installed = applications.identity()?.version ?? null
    if (!job.allowDowngrade && version === installed) return refused(`${version} is installed already`, 'root', version) // a command that came twice
    if (!job.allowDowngrade && installed !== null && compareVersions(version, installed) < 0) {
      return refused(`${version} is older than the installed ${installed}: \`update: { allowDowngrade: true }\` would take it`, 'root', version)
    }
    const trial = this.#trial(job, 'root', version, installed ?? 'the root of before', otherSlot(slot))
    records.trial = trial
    records.slots = { ...(installed === null ? {} : { [slot]: installed }), [trial.slot]: version }
    const problem = await machine.installBundle(path, onProgress)
    if (problem !== null) {
      records.trial = null
      return { result: 'failed', kind: 'root', version, reason: problem }
    }
    records.trial = { ...trial, isInstalled: true }
    return { result: 'restarting', kind: 'root' }
  }

  #trial(job: Job, kind: Kind, version: string, from: string, slot: string): Trial {
    const status = gatewayStatus(this.#deps.places, this.#deps.disk)
    return { kind, version, from, slot, isInstalled: false, uplinks: status?.uplinks ?? [], wasDefault: status?.isDefault ?? true, waitedMs: 0, job: job.id, asker: job.asker }
  }
}

/** What is told of a job that ended without a trial. */
export function outcomeOf({ result, kind, version, reason }: Exclude<Installed, { result: 'restarting' }>, { id, asker }: Job, source: string, atMs: number): Outcome {
  return { outcome: result, kind, version, reason, atMs, job: id, source, asker }
}

function refused(reason: string, kind: Kind | null = null, version: string | null = null): Installed {
  return { result: 'refused', kind, version, reason }
}

/** No link is followed: the file may lie where others may write. */
function readBeginning(path: string, bytesMax: number): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const bytes = Buffer.alloc(bytesMax)
    let filled = 0
    for (let read = -1; read !== 0 && filled < bytesMax; filled += read) read = readSync(file, bytes, filled, bytesMax - filled, null)
    return bytes.subarray(0, filled)
  } finally {
    closeSync(file)
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { flags: 'r' })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
