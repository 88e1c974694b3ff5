// The update service: takes what is asked for and what lies on the card, one after the other, and ends when there is nothing more to do.
//
//   requests ─┐
//   the card ─┼─► job.json ─► download (days, if need be) ─► Installer ─► restart, trial
//   restart ──┘                                                 └─► refused, failed ─► last.json
//
// What is always true
//   1. One job at a time. A newer one takes the place of one that is still being downloaded.
//   2. While an update is on trial nothing else is installed; going back is always possible.
//   3. A file of the card is tried once: it is removed when it is installed, and renamed when it was refused, before the machine restarts.
import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { UpdateConfig } from '../config/config.ts'
import type { Applications } from './application.ts'
import { slotInUse } from './boot-block.ts'
import type { Disk } from './disk.ts'
import type { Download } from './download.ts'
import { BUNDLE_BYTES_MAX, type Installed, Installer, kindOf, outcomeOf } from './installer.ts'
import type { Machine } from './machine.ts'
import { PACKAGE_BYTES_MAX } from './package.ts'
import type { Places } from './places.ts'
import { type Job, type Records, sourceForPeople } from './record.ts'
import { type Request, takeRequests } from './request.ts'
import { rollBack } from './rollback.ts'

const CARD_FILE = /^[^.].*\.(sandpiper|raucb)$/i
const CARD_FILES_MAX = 10
const LOOK_MS = 2000
/** Progress is told so often at most. */
const TELL_MS = 1000
/** Of the data partition, for the store and logs, when a bundle is downloaded. */
const ROOM_BYTES_MIN = 100_000_000

export interface WorkerDeps {
  readonly clock: Clock
  readonly places: Places
  readonly disk: Disk
  readonly records: Records
  readonly applications: Applications
  readonly machine: Machine
  readonly download: Download
  readonly config: UpdateConfig
  readonly say: (line: string) => void
}

/** In status.json of the service, for those who wait. */
export interface Progress {
  readonly job: string
  readonly phase: 'downloading' | 'installing' | 'restarting' | 'waiting'
  readonly source: string
  readonly bytes: number | null
  readonly bytesTotal: number | null
  readonly percent: number | null
  readonly step: string
}

export class Worker {
  readonly #deps: WorkerDeps
  #toldMs = -Infinity
  #lookedMs = -Infinity
  #next: Request | null = null
  #rollback: Request | null = null

  constructor(deps: WorkerDeps) {
    this.#deps = deps
  }

  /** Until there is nothing more to do. */
  async run(): Promise<void> {
    const { records } = this.#deps
    await this.#recover()
    for (;;) {
      this.#look()
      if (this.#rollback !== null) {
        const { id, asker } = this.#rollback
        this.#rollback = null
        await rollBack({ ...this.#deps, job: id, asker })
        if (records.trial?.kind === 'root') return // the machine restarts
        continue
      }
      const job = this.#job()
      if (job === null) return this.#tell(null)
      if (records.trial !== null) {
        this.#tell({ job: job.id, phase: 'waiting', source: sourceForPeople(job.source), bytes: null, bytesTotal: null, percent: null, step: 'another update is being tried' })
        await this.#sleep()
      } else if (await this.#do(job)) return
    }
  }

  /** What a power cut has left. */
  async #recover(): Promise<void> {
    const { records, places, disk, applications } = this.#deps
    const { trial, job, last } = records
    const slot = slotInUse(disk.read(places.cmdline)?.toString('latin1') ?? '')
    const runs = trial !== null && (trial.kind === 'root' ? slot : applications.running()?.application) === trial.slot
    if (job !== null && (runs ? trial.job : last?.job) === job.id) await this.#finish(job, 'remove') // done, and cut off before that was noted
    if (trial !== null && !runs && !trial.isInstalled) records.trial = null
  }

  #look(): void {
    const { clock, places, disk } = this.#deps
    this.#lookedMs = clock.now()
    for (const request of takeRequests(places, disk)) {
      if (request.install === null) this.#rollback = request
      else this.#next = request
    }
  }

  /** What is to be done now: the newest request, what was begun, or what lies on the card. */
  #job(): Job | null {
    const { records, disk, places, config } = this.#deps
    if (this.#next !== null) {
      const { id, install, sha256, asker } = this.#next
      this.#next = null
      records.job = { id, source: install!, sha256, allowDowngrade: config.allowDowngrade, asker, attempts: 0 }
    }
    if (records.job !== null) return records.job
    const file = disk.names(places.card).filter((name) => CARD_FILE.test(name)).toSorted().slice(0, CARD_FILES_MAX)[0]
    return file === undefined ? null : { id: `card-${file}`, source: join(places.card, file), sha256: null, allowDowngrade: config.allowDowngrade, asker: null, attempts: 0 }
  }

  /** True when the machine restarts. */
  async #do(job: Job): Promise<boolean> {
    const { records, machine, clock, say } = this.#deps
    const source = sourceForPeople(job.source)
    const done = await this.#installed(job)
    if (done === null) return false // a newer one has come
    if (done.result !== 'restarting') {
      records.last = outcomeOf(done, job, source, clock.wall())
      say(`${source}: ${done.result}: ${done.reason}`)
      await this.#finish(job, 'refuse')
      return false
    }
    await this.#finish(job, 'remove')
    say(`${source} is installed, and on trial from now on`)
    this.#tell({ job: job.id, phase: 'restarting', source, bytes: null, bytesTotal: null, percent: null, step: '' })
    if (done.kind === 'root') {
      await machine.reboot()
      return true
    }
    await machine.restartGateway()
    await machine.watchTrial()
    return false
  }

  /** null when another job takes its place. */
  async #installed(job: Job): Promise<Installed | null> {
    const { download } = this.#deps
    const source = sourceForPeople(job.source)
    const installer = new Installer({
      ...this.#deps,
      onProgress: (percent, step) => this.#tell({ job: job.id, phase: 'installing', source, bytes: null, bytesTotal: null, percent, step }),
    })
    if (!/^https?:/i.test(job.source)) return installer.install(job, job.source)
    for (;;) {
      const got = await this.#download(job)
      if (got === null) return null
      if ('problem' in got) return { result: 'failed', kind: null, version: null, reason: got.problem }
      const done = await installer.install(job, got.path)
      // Put together out of pieces of two files that had one name: all of it once more.
      if (done.result !== 'refused' || !got.isResumed) return done
      download.discard()
    }
  }

  async #download(job: Job): Promise<{ path: string; isResumed: boolean } | { problem: string } | null> {
    const { download, config } = this.#deps
    const source = sourceForPeople(job.source)
    const got = await download.run({
      url: job.source,
      rateMax: config.rateMax,
      bytesMax: (head, total) => this.#bytesMax(head, total),
      onProgress: (bytes, bytesTotal) => this.#tell({ job: job.id, phase: 'downloading', source, bytes, bytesTotal, percent: null, step: '' }),
      isUnwanted: () => this.#hasNews(),
    })
    return this.#next !== null || this.#rollback !== null ? null : got
  }

  /** Asked with every chunk, and looked for now and then. */
  #hasNews(): boolean {
    const nowMs = this.#deps.clock.now()
    if (nowMs - this.#lookedMs >= TELL_MS) this.#look()
    return this.#next !== null || this.#rollback !== null
  }

  #bytesMax(head: Buffer, total: number | null): number | string {
    const kind = kindOf(head)
    if (kind === null) return 'it is neither an application package nor a bundle of a root'
    if (kind === 'application') return PACKAGE_BYTES_MAX
    const { bavail, bsize } = statfsSync(this.#deps.places.data)
    const room = bavail * bsize + this.#deps.download.bytes - ROOM_BYTES_MIN
    if ((total ?? 0) > room) return `there is no room for it on the data partition: ${total} bytes, and ${Math.max(0, room)} are free for it; lay it on the card`
    return Math.min(BUNDLE_BYTES_MAX, room)
  }

  /** `order`: what becomes of a file of the card. */
  async #finish({ source }: Job, order: 'remove' | 'refuse'): Promise<void> {
    const { records, machine, download, disk, places } = this.#deps
    if (source.startsWith(`${places.card}/`)) await machine.cardFile(order, source)
    records.job = null
    if (/^https?:/i.test(source)) download.discard()
    if (source.startsWith(`${places.state}/`)) disk.remove(source)
  }

  #tell(progress: Progress | null): void {
    const { clock, disk, places } = this.#deps
    const isNews = progress === null || progress.phase !== 'downloading'
    if (!isNews && clock.now() - this.#toldMs < TELL_MS) return
    this.#toldMs = clock.now()
    disk.replace(join(places.runtime, 'status.json'), `${JSON.stringify(progress)}\n`)
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => void this.#deps.clock.after(LOOK_MS, resolve))
  }
}
