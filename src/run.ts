// `sandpiper run`: the gateway until a signal ends it, or its store. Chooses the configuration, and goes on to the next candidate when the gateway
// cannot start with one: a port that is taken must not leave a site without a broker that had one yesterday.
import { resolve } from 'node:path'
import { banner, type OpenPorts } from './banner.ts'
import { Beside, isAppliance, keepLastGood, type Served } from './beside.ts'
import { systemClock } from './clock.ts'
import { type Candidate, chooseConfig, type Choices, type ConfigSource } from './config/choose.ts'
import { endTrial, keptTrial } from './config/trial.ts'
import type { Config } from './config/config.ts'
import { DEFAULT_CONFIG_NAME, defaultConfigText } from './config/default.ts'
import { digestOf } from './config/digest.ts'
import { type Accepted, checkText } from './config/load.ts'
import { refusalText } from './config/report.ts'
import { machineSections, summary } from './config/sections.ts'
import { detectedBoard } from './detected-board.ts'
import { OperatorError } from './errors.ts'
import { Gateway } from './gateway.ts'
import { VERSION } from './layout.ts'
import { makeLog } from './log.ts'
import { LogRing } from './ops/log-ring.ts'
import { Memory } from './ops/memory.ts'
import type { StatusConfig } from './ops/status.ts'
import { startAgain } from './start-again.ts'
import { thisMoment } from './this-start.ts'

export interface RunWords {
  readonly config?: string | undefined
  readonly state?: string | undefined
  readonly 'last-good'?: boolean | undefined
  readonly 'or-default'?: boolean | undefined
}

/** Everything is stopped in this time, or the process ends all the same. */
const STOP_MS_MAX = 5000
/** What has asked for a restart gets its answer first. */
const RESTART_MS = 300
/** Warnings of a configuration that the log names. */
const WARNINGS_MAX = 5

export async function runCommand(words: RunWords): Promise<number> {
  const { config: file, 'last-good': lastGood = false, 'or-default': orDefault = false } = words
  const state = words.state === undefined ? null : resolve(words.state)
  const signal = untilSignal()
  if (file === undefined) {
    const accepted = builtIn(state)
    const { config } = accepted
    return serve(config, signal, async (served) => {
      const force: StatusConfig = { source: 'default', digest: digestOf(accepted.text), trouble: null }
      const beside = await Beside.start(config, served, { file: null, state, folder: state ?? config.store.path }, force, accepted)
      greet(config, beside.ports, DEFAULT_CONFIG_NAME)
      return () => beside.stop()
    })
  }
  const choices = chooseConfig(file, { state, lastGood, orDefault, detectedBoard: detectedBoard(), moment: thisMoment() })
  if (choices.refused !== null) complain(refusalText(choices.refused, file, process.stderr.isTTY === true))
  let failure: OperatorError | null = null
  for (const candidate of choices.candidates()) {
    if (candidate.source !== 'file') complain(`Running on ${RUNNING_ON[candidate.source]}.`)
    try {
      return await serve(candidate.config, signal, (served) => accompany({ file, candidate, choices, state, trouble: failure?.sentence ?? null }, served))
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      failure = error
      if (candidate.source === 'trial') endFailedTrial(choices.folder, error.sentence)
      if (lastGood || candidate.source === 'trial') complain(`sandpiper: the gateway does not start with ${candidate.name}: ${error.sentence}`)
    }
  }
  if (failure !== null) throw failure
  if (lastGood) complain('There is no last good configuration to run on.')
  return 1
}

const RUNNING_ON: Readonly<Record<Exclude<ConfigSource, 'file'>, string>> = {
  trial: 'the configuration on trial: the one before comes back unless it is confirmed',
  'last-good': 'the last good configuration until that is mended',
  default: 'the safe default until that is mended',
}

function endFailedTrial(folder: string, why: string): void {
  const { digest = '' } = keptTrial(folder) ?? {}
  try {
    endTrial(folder, { digest, outcome: 'failed', why })
  } catch (error) {
    complain(`sandpiper: the end of the trial could not be kept (${(error as Error).message}): it counts until its time is over`)
  }
}

function builtIn(state: string | null): Accepted {
  const result = checkText(defaultConfigText, DEFAULT_CONFIG_NAME, { state })
  if ('problems' in result) throw new Error('the built-in configuration is broken')
  return result
}

interface Running {
  readonly file: string
  readonly candidate: Candidate
  readonly choices: Choices
  readonly state: string | null
  /** Why it is not the one before in the order. */
  readonly trouble: string | null
}

/** What runs beside the gateway: the file is watched, the status told. Answers how to end it. */
async function accompany({ file, candidate, choices, state, trouble }: Running, served: Served): Promise<() => Promise<void>> {
  const { config, source, text, warnings, name } = candidate
  const { log } = served
  if (source === 'file') keepLastGood(choices.folder, text, log)
  for (const { line, message, hint } of warnings.slice(0, WARNINGS_MAX)) log.warn({ file, line }, `${message}: ${hint}`)
  const beside = await Beside.start(config, served, { file, state, folder: choices.folder }, { source, digest: digestOf(text), trouble }, candidate)
  beside.configuration.start(choices.sources)
  const unapplied = isAppliance ? [] : machineSections(config)
  if (unapplied.length > 0) log.warn({ file }, `${unapplied.map((key) => `\`${key}\``).join(', ')}: the image applies this, here it is the machine's own system that decides`)
  greet(config, beside.ports, name)
  return () => beside.stop()
}

function greet(config: Config, ports: OpenPorts, name: string): void {
  if (!isUnderSystemd()) process.stdout.write(banner(config, ports, name, VERSION))
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}

function isUnderSystemd(): boolean {
  return process.env.JOURNAL_STREAM !== undefined || process.env.NOTIFY_SOCKET !== undefined
}

/** Resolves with the signal that asks us to end. */
export function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}

/**
 * A gateway until `signal`, or until its store is broken. `begun` may add to it, and answers how to take that away again. Rejects with an
 * OperatorError when it cannot start; then nothing is left running.
 */
export async function serve(config: Config, signal: Promise<string>, begun: (served: Served) => Promise<() => Promise<void>>): Promise<number> {
  let lastError: string | null = null
  const said = new LogRing()
  const log = await makeLog(config.log.level, process.stdout.isTTY === true && !isUnderSystemd(), { onError: (text) => (lastError = text), onLine: (line) => said.push(line) })
  const systemd = process.env.NOTIFY_SOCKET === undefined ? null : new (await import('./ops/systemd.ts')).Systemd(systemClock, log)
  let failed = false
  const broken = Promise.withResolvers<string>()
  let isRestart = false
  const restart = (reason: string): void => {
    isRestart = true
    systemClock.after(RESTART_MS, () => broken.resolve(reason))
  }
  const onFatal = (error: Error): void => {
    failed = true
    complain(error instanceof OperatorError ? `sandpiper: ${error.sentence}` : String(error))
    broken.resolve('the store is broken')
  }
  const gateway = await Gateway.start(config, { log, version: VERSION, onFatal, holdUplinks: true })
  const end = await begun({ gateway, log, said, lastError: () => lastError, restart })
  gateway.startUplinks()
  log.info({ site: config.site, ports: gateway.ports, version: VERSION }, 'sandpiper is ready')
  const memory = new Memory(systemClock, gateway.counters)
  memory.start()
  systemd?.ready(summary(config), (withinMs) => gateway.progresses(withinMs))

  const why = await Promise.race([signal, broken.promise])
  log.info({ why }, 'stopping')
  systemd?.stopping()
  memory.stop()
  systemClock.after(STOP_MS_MAX, () => process.exit(1)) // whatever still hangs
  await end()
  await gateway.stop()
  log.info({}, 'stopped')
  return failed ? 1 : isRestart ? startAgain() : 0
}
