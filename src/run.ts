// `sandpiper run`: the gateway until a signal ends it, or its store. Chooses the configuration, and goes on to the next candidate when the gateway
// cannot start with one: a port that is taken must not leave a site without a broker that had one yesterday.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Api } from './api/api.ts'
import { banner } from './banner.ts'
import { systemClock } from './clock.ts'
import { type Candidate, chooseConfig, type Choices } from './config/choose.ts'
import type { Config } from './config/config.ts'
import { DEFAULT_CONFIG_NAME, defaultConfigText } from './config/default.ts'
import { digestOf } from './config/digest.ts'
import { rememberLastGood } from './config/last-good.ts'
import { type Accepted, checkText } from './config/load.ts'
import { refusalText } from './config/report.ts'
import { machineSections, summary } from './config/sections.ts'
import { detectedBoard } from './detected-board.ts'
import { OperatorError } from './errors.ts'
import { Gateway } from './gateway.ts'
import { VERSION } from './layout.ts'
import { type Logger, makeLog } from './log.ts'
import { LogRing } from './ops/log-ring.ts'
import { Memory } from './ops/memory.ts'
import type { StatusConfig } from './ops/status.ts'
import { StatusFile } from './ops/status-file.ts'
import { Reload } from './reload.ts'

export interface RunWords {
  readonly config?: string | undefined
  readonly state?: string | undefined
  readonly 'last-good'?: boolean | undefined
  readonly 'or-default'?: boolean | undefined
}

/** Everything is stopped in this time, or the process ends all the same. */
const STOP_MS_MAX = 5000
/** Warnings of a configuration that the log names. */
const WARNINGS_MAX = 5
/** Of the API's socket: systemd starts the gateway as a user of its own, whose group is those who may run it. Anybody else's group is nobody's business. */
const OWNER_AND_GROUP = 0o660
const OWNER_ONLY = 0o600
/** Made by the appliance, which applies what a configuration says of the machine itself. */
const APPLIANCE = '/run/sandpiper-apply'

export async function runCommand(words: RunWords): Promise<number> {
  const { config: file, 'last-good': lastGood = false, 'or-default': orDefault = false } = words
  const state = words.state === undefined ? null : resolve(words.state)
  const signal = untilSignal()
  if (file === undefined) {
    const { config, text } = builtIn(state)
    return serve(config, signal, async (served) => {
      greet(config, served.gateway, DEFAULT_CONFIG_NAME)
      const { stop } = await tellOf(config, served, () => ({ source: 'default', digest: digestOf(text), trouble: null }))
      return stop
    })
  }
  const choices = chooseConfig(file, { state, lastGood, orDefault, detectedBoard: detectedBoard() })
  if (choices.refused !== null) complain(refusalText(choices.refused, file, process.stderr.isTTY === true))
  let failure: OperatorError | null = null
  for (const candidate of choices.candidates()) {
    if (candidate.source !== 'file') complain(`Running on ${candidate.source === 'default' ? 'the safe default' : 'the last good configuration'} until that is mended.`)
    try {
      return await serve(candidate.config, signal, (served) => accompany({ file, candidate, choices, state, trouble: failure?.sentence ?? null }, served))
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      failure = error
      if (lastGood) complain(`sandpiper: the gateway does not start with ${candidate.name}: ${error.sentence}`)
    }
  }
  if (failure !== null) throw failure
  if (lastGood) complain('There is no last good configuration to run on.')
  return 1
}

function builtIn(state: string | null): Accepted {
  const result = checkText(defaultConfigText, DEFAULT_CONFIG_NAME, { state })
  if ('problems' in result) throw new Error('the built-in configuration is broken')
  return result
}

/** A gateway that runs, and its log. */
export interface Served {
  readonly gateway: Gateway
  readonly log: Logger
  /** The last lines of it. */
  readonly said: LogRing
  readonly lastError: () => string | null
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
  const { gateway, log } = served
  const keep = (accepted: string): void => keepLastGood(state ?? config.store.path, accepted, log)
  let force: StatusConfig = { source, digest: digestOf(text), trouble }
  if (source === 'file') keep(text)
  for (const { line, message, hint } of warnings.slice(0, WARNINGS_MAX)) log.warn({ file, line }, `${message}: ${hint}`)
  const { api, stop } = await tellOf(config, served, () => force)
  const reload = new Reload(file, gateway, systemClock, log, {
    state,
    accepted: ({ http }) => api.configure(http),
    inForce: (accepted) => {
      force = { source: 'file', digest: digestOf(accepted), trouble: null }
      keep(accepted)
    },
    inPart: () => (force = { ...force, digest: null }),
  })
  reload.start(choices.sources)
  const unapplied = existsSync(APPLIANCE) ? [] : machineSections(config)
  if (unapplied.length > 0) log.warn({ file }, `${unapplied.map((key) => `\`${key}\``).join(', ')}: the image applies this, here it is the machine's own system that decides`)
  greet(config, gateway, name)
  return async () => {
    reload.stop()
    await stop()
  }
}

/** The gateway's status, as a file where systemd gives it a folder, and by its API. */
async function tellOf(config: Config, { gateway, log, said, lastError }: Served, force: () => StatusConfig): Promise<{ readonly api: Api; readonly stop: () => Promise<void> }> {
  const folder = process.env.RUNTIME_DIRECTORY
  const boot = bootId()
  const status = () => ({ version: VERSION, boot, config: force(), ...gateway.status, lastError: lastError() })
  const file = folder === undefined ? null : new StatusFile(folder, { clock: systemClock, log, status })
  const api = new Api(config.http, { clock: systemClock, log, gateway, said, folder: folder ?? config.store.path, mode: folder === undefined ? OWNER_ONLY : OWNER_AND_GROUP, status })
  file?.start()
  await api.start()
  const stop = async (): Promise<void> => {
    file?.stop()
    await api.stop()
  }
  return { api, stop }
}

function greet(config: Config, gateway: Gateway, name: string): void {
  if (!isUnderSystemd()) process.stdout.write(banner(config, gateway.ports, name, VERSION))
}

function keepLastGood(folder: string, text: string, log: Logger): void {
  try {
    rememberLastGood(folder, text)
  } catch (error) {
    log.error({ why: (error as Error).message }, 'the configuration is in force, but could not be kept as the last good one: check the card and free space (df -h)')
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return '' // a sandbox that does not tell
  }
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
  const onFatal = (error: Error): void => {
    failed = true
    complain(error instanceof OperatorError ? `sandpiper: ${error.sentence}` : String(error))
    broken.resolve('the store is broken')
  }
  const gateway = await Gateway.start(config, { log, version: VERSION, onFatal })
  const end = await begun({ gateway, log, said, lastError: () => lastError })
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
  return failed ? 1 : 0
}
