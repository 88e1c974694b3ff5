// The configuration of a gateway that runs: read again when its file changes, and taken on trial from whoever edits it from afar.
//
//   SIGHUP, the file changes ─► read ─► mistakes: told, the one before stays
//                                   └─► taken over; what only a start can change is named
//   try ─► mistakes: refused  ┌─► confirmed ─► the file says so
//      └─► on trial ──────────┼─► reverted, not confirmed in time, or the file changes ─► what the file says
//                             └─► the machine starts anew ─► what the file says
//
// What is always true
//   1. Only a confirmation writes the file. A trial lies beside the last good one (config/trial.ts), and what it is refused for has changed nothing.
//   2. Where a trial or its end needs a start, the gateway starts itself anew; `restart` is called when everything that has to be known then is on flash.
//   3. One after the other: readings, trials and ends wait for each other.
import type { Clock, Timer } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { chooseConfig, mayBeTried } from '../config/choose.ts'
import { digestOf } from '../config/digest.ts'
import { type Accepted, checkText, loadConfig, type LoadOptions, type LoadResult, type Problem, type Refused } from '../config/load.ts'
import { sectionsThatNeedStart } from '../config/sections.ts'
import { beginTrial, endTrial, keepTrial, keptTrial, lastTrialIn, type Trial, type TrialEnd } from '../config/trial.ts'
import { ConfigWatch, type Sources, sourcesOf } from '../config/watch.ts'
import type { Gateway, GatewayLog } from '../gateway.ts'
import type { StatusConfig } from '../ops/status.ts'
import type { Moment } from '../this-start.ts'
import { type Checked, Editing } from './editing.ts'
import type { ConfigurationWriter } from './writer.ts'

/** Problems that one line of the log names. */
const TOLD_MAX = 5
export const CONFIRM_MS_DEFAULT = 60_000
export const CONFIRM_MS_MAX = 3_600_000

export interface ConfigurationDeps {
  readonly clock: Clock
  readonly log: GatewayLog
  readonly gateway: Gateway
  /** null: the gateway runs without one. */
  readonly file: string | null
  /** The gateway's state folder, or null for none. */
  readonly state: string | null
  /** Where the last good one lies, and what is on trial. */
  readonly folder: string
  readonly detectedBoard: string | null
  readonly writer: ConfigurationWriter
  readonly moment: () => Moment
  /** A configuration has taken effect, as far as it can without a start. */
  readonly accepted: (config: Config) => void
  /** A text of the file is in force as a whole: it is the last good one now. */
  readonly keep: (text: string) => void
  readonly restart: (why: string) => void
}

/** Why nothing of what was asked for has been done. */
export class ConfigurationRefused extends Error {
  override readonly name = 'ConfigurationRefused'
  readonly problems: readonly Problem[]

  /** `why`: a sentence with what to do. */
  constructor(why: string, problems: readonly Problem[] = []) {
    super(why)
    this.problems = problems
  }
}

/** The configuration as it was taken last, secrets and all: for whoever hides them otherwise. */
export interface Written {
  /** null: built in. */
  readonly file: string | null
  readonly text: string
}

export interface ConfigurationView {
  /** As the file has it, or the trial; `(hidden N)` for each secret. null when it cannot be shown without one. */
  readonly text: string | null
  readonly digest: string
  readonly file: string | null
  readonly inForce: StatusConfig
  /** Sections of the file that wait for a start. */
  readonly needsStart: readonly string[]
  /** Why it cannot be changed here; null when it can. */
  readonly fixedBecause: string | null
  readonly trial: { readonly digest: string; readonly leftMs: number } | null
  readonly lastTrial: TrialEnd | null
}

export class Configuration {
  readonly #deps: ConfigurationDeps
  readonly #watch: ConfigWatch
  readonly #editing: Editing
  /** What runs was started with a configuration on trial. */
  readonly #startedOnTrial: boolean
  #inForce: StatusConfig
  /** The one that was taken over last. */
  #current: Pick<Accepted, 'text' | 'secrets'>
  #needsStart: readonly string[] = []
  #trial: Trial | null = null
  #deadline: Timer | null = null
  #last: Promise<unknown> = Promise.resolve()
  readonly #onSignal = (): void => this.#later(() => this.#readAgain())

  /** `started`: what the gateway was started with. */
  constructor(deps: ConfigurationDeps, inForce: StatusConfig, started: Pick<Accepted, 'text' | 'secrets'>) {
    this.#deps = deps
    this.#inForce = inForce
    this.#current = started
    this.#startedOnTrial = inForce.source === 'trial'
    this.#watch = new ConfigWatch(deps.clock, () => this.#later(() => this.#fileChanged()))
    this.#editing = new Editing(digestOf)
  }

  get inForce(): StatusConfig {
    return this.#inForce
  }

  get written(): Written {
    return { file: this.#deps.file, text: this.#current.text }
  }

  /** `sources`: of the file's configuration, as it was read for the start. */
  start(sources: Sources): void {
    this.#watch.follow(sources)
    process.on('SIGHUP', this.#onSignal)
    const kept = keptTrial(this.#deps.folder)
    if (!this.#startedOnTrial) return kept === null ? undefined : this.#closeLeftOver(kept)
    this.#trial = kept === null ? LOST : this.#begun(kept)
    this.#await(this.#trial)
  }

  stop(): void {
    process.removeListener('SIGHUP', this.#onSignal)
    this.#watch.stop()
    this.#deadline?.cancel()
  }

  view(): ConfigurationView {
    const { file, folder, moment, writer } = this.#deps
    const trial = this.#trial
    return {
      text: this.#editing.shown(this.#current),
      digest: this.#editing.digestOf(this.#current.text),
      file,
      inForce: this.#inForce,
      needsStart: this.#needsStart,
      fixedBecause: file === null ? WITHOUT_FILE : writer.trouble,
      trial: trial === null ? null : { digest: this.#editing.digestOf(trial.text), leftMs: Math.max(0, trial.untilMs - moment().sinceBootMs) },
      lastTrial: lastTrialIn(folder),
    }
  }

  /** Everything that is wrong with a text, in its own lines, and whether it needs a start. Changes nothing. */
  check(text: string): Checked {
    const { config } = this.#deps.gateway
    return this.#editing.check(text, this.#current, (whole) => this.#checkText(whole), (after) => sectionsThatNeedStart(config, after))
  }

  /**
   * Takes a text on trial for so long. `digest`: of the one it was made from, as `view` tells; null: whichever it is. Rejects with ConfigurationRefused.
   */
  try(text: string, digest: string | null, confirmWithinMs: number): Promise<void> {
    return this.#inTurn(async () => {
      const { file, folder, writer, moment, log } = this.#deps
      if (file === null) throw new ConfigurationRefused(WITHOUT_FILE)
      if (writer.trouble !== null) throw new ConfigurationRefused(writer.trouble)
      if (digest !== null && digest !== this.#editing.digestOf(this.#current.text)) throw new ConfigurationRefused('the configuration has changed since this one was made from it: get it again, and change that')
      const { problems, whole, config, needsStart } = this.check(text)
      if (config === null || whole === null) throw new ConfigurationRefused('the configuration has mistakes', problems)
      const instead = chooseConfig(file, { ...this.#here, lastGood: true, orDefault: true, moment: null }).candidates().next().value
      if (instead !== undefined && !mayBeTried(config, instead.config)) throw new ConfigurationRefused('who may log in to the machine (`ssh`) is changed in the file itself')
      this.#trial = this.#kept(() => keepTrial(folder, whole, moment(), confirmWithinMs, needsStart.length > 0))
      log.warn({ confirmWithinSec: Math.round(confirmWithinMs / 1000) }, 'a configuration is on trial: the one before comes back unless this is confirmed')
      this.#await(this.#trial)
      await this.#takenOver()
    })
  }

  /** The file says what was tried, from now on. Rejects with ConfigurationRefused; then the trial goes on. */
  confirm(): Promise<void> {
    return this.#inTurn(async () => {
      const { writer, file, log, keep } = this.#deps
      const trial = this.#required()
      try {
        await writer.write(trial)
      } catch (error) {
        throw new ConfigurationRefused(`the file could not be written: ${(error as Error).message}`, [])
      }
      const result = this.#fromFile()
      this.#watch.follow(sourcesOf(file!, result.files))
      this.#finish()
      this.#tell({ digest: trial.digest, outcome: 'confirmed', why: null })
      this.#inForce = { source: 'file', digest: trial.digest, trouble: null }
      keep(trial.text)
      log.info({ file }, 'the configuration on trial was confirmed: the file says so now')
    })
  }

  /** What the file says comes back. Rejects with ConfigurationRefused when nothing is on trial. */
  revert(): Promise<void> {
    return this.#inTurn(async () => {
      this.#required()
      await this.#giveUp('reverted', null)
    })
  }

  // ---- trials

  #kept(keep: () => Trial): Trial {
    try {
      return keep()
    } catch (error) {
      throw new ConfigurationRefused(`it cannot be kept on the card (${(error as Error).message}): check the card and free space (df -h)`)
    }
  }

  /** What is on trial is in force, or is taken back at once: a file that it names may have gone since it was checked. */
  async #takenOver(): Promise<void> {
    let why = 'the gateway does not take it: the log says why'
    try {
      if (await this.#readAgain()) return
    } catch (error) {
      why = (error as Error).message
    }
    await this.#giveUp('failed', why)
    throw new ConfigurationRefused(why)
  }

  #begun(trial: Trial): Trial {
    try {
      return beginTrial(this.#deps.folder, trial, this.#deps.moment())
    } catch (error) {
      this.#deps.log.error({ why: (error as Error).message }, 'the begin of a trial cannot be kept: check the card and free space (df -h)')
      return trial
    }
  }

  /** Of a process that is gone. */
  #closeLeftOver({ digest }: Trial): void {
    const isConfirmed = digest === digestOf(this.#current.text)
    this.#tell(isConfirmed ? { digest, outcome: 'confirmed', why: null } : { digest, outcome: 'expired', why: 'the machine was started anew before it was confirmed' })
  }

  #tell(end: TrialEnd): void {
    try {
      endTrial(this.#deps.folder, end)
    } catch (error) {
      this.#deps.log.error({ why: (error as Error).message }, 'the end of a trial cannot be kept: check the card and free space (df -h)')
    }
  }

  #required(): Trial {
    if (this.#trial === null) throw new ConfigurationRefused('no configuration is on trial: it was confirmed or taken back')
    return this.#trial
  }

  #await({ untilMs }: Trial): void {
    this.#deadline?.cancel()
    this.#deadline = this.#deps.clock.after(untilMs - this.#deps.moment().sinceBootMs, () => {
      this.#later(async () => {
        if (this.#trial?.untilMs === untilMs) await this.#giveUp('expired', 'nobody has confirmed it in time')
      })
    })
  }

  #finish(): void {
    this.#deadline?.cancel()
    this.#trial = null
  }

  async #giveUp(outcome: TrialEnd['outcome'], why: string | null): Promise<void> {
    const { log, restart } = this.#deps
    const { digest } = this.#trial!
    this.#finish()
    this.#tell({ digest, outcome, why })
    log.warn({ why: why ?? outcome }, 'the configuration on trial is taken back')
    const isTaken = await this.#readAgain()
    // Its file may have mistakes: then the start chooses what else there is.
    if (this.#startedOnTrial && (!isTaken || this.#needsStart.length > 0)) restart('the configuration on trial is taken back')
  }

  async #fileChanged(): Promise<void> {
    if (this.#trial !== null) return this.#giveUp('reverted', 'the file has changed meanwhile')
    await this.#readAgain()
  }

  // ---- reading

  #fromFile(): LoadResult {
    return loadConfig(this.#deps.file!, this.#here)
  }

  #checkText(text: string): LoadResult {
    return checkText(text, this.#deps.file ?? 'gateway.yaml', this.#here)
  }

  get #here(): { readonly detectedBoard: string | null; readonly state: string | null } & LoadOptions {
    return { detectedBoard: this.#deps.detectedBoard, state: this.#deps.state }
  }

  /** False when it was refused. */
  async #readAgain(): Promise<boolean> {
    const { file, gateway, log, accepted, keep, restart } = this.#deps
    if (file === null) return true
    const trial = this.#trial
    const result = trial === null ? this.#fromFile() : this.#checkText(trial.text)
    if (trial === null) this.#watch.follow(sourcesOf(file, result.files))
    if ('problems' in result) {
      this.#refuse(result)
      return false
    }
    for (const { line, message, hint } of result.warnings.slice(0, TOLD_MAX)) log.warn({ file, line }, `${message}: ${hint}`)
    const needsStart = await gateway.reload(result.config)
    this.#current = result
    this.#needsStart = needsStart
    accepted(result.config)
    if (needsStart.length > 0) this.#inForce = { ...this.#inForce, digest: null }
    else this.#inForce = { source: trial === null ? 'file' : 'trial', digest: digestOf(result.text), trouble: null }
    if (trial === null && needsStart.length === 0) keep(result.text)
    log.info({ file, ...(needsStart.length > 0 ? { needsRestart: needsStart } : {}) }, 'the configuration was read again: who may connect and what they may do is as it says now')
    if (trial !== null && needsStart.length > 0) restart('a configuration is on trial')
    return true
  }

  #refuse({ problems }: Refused): void {
    const { file, gateway, log } = this.#deps
    gateway.counters.refusedConfigurations++
    const told = problems.slice(0, TOLD_MAX).map((p) => `line ${p.line}, column ${p.column}: ${p.message}: ${p.hint}`)
    log.error({ file, problems: problems.length, told }, 'the changed configuration is refused, the one before stays: `sandpiper check` shows all that is wrong with it')
  }

  /** What nobody has asked for, and nobody waits for. */
  #later(work: () => Promise<unknown>): void {
    this.#inTurn(work).catch((error: Error) => this.#deps.log.error({ why: error.message }, 'the configuration could not be read again: the one before stays'))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {}) // whoever asked is told
    return done
  }
}

/** Its record is gone: it is over. */
const LOST: Trial = { text: '', digest: '', boot: '', untilMs: 0, confirmMs: null }
const WITHOUT_FILE = 'the gateway runs without a file: start it with one (sandpiper run --config gateway.yaml)'
