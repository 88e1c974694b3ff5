// `sandpiper run`: the gateway until a signal ends it, or its store. Chooses the configuration, and goes on to the next candidate when the gateway
// cannot start with one: a port that is taken must not leave a site without a broker that had one yesterday.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Api } from './api/api.ts'
import { banner } from './banner.ts'
import { bootOffsetMs, systemClock } from './clock.ts'
import { type Candidate, chooseConfig, type Choices, type ConfigSource } from './config/choose.ts'
import { endTrial, keptTrial, type Moment } from './config/trial.ts'
import type { Config } from './config/config.ts'
import { Configuration } from './configuration/configuration.ts'
import { writerOf } from './configuration/writer.ts'
import { DEFAULT_CONFIG_NAME, defaultConfigText } from './config/default.ts'
import { digestOf } from './config/digest.ts'
import { rememberLastGood } from './config/last-good.ts'
import { type Accepted, checkText } from './config/load.ts'
import { refusalText } from './config/report.ts'
import { machineSections, summary } from './config/sections.ts'
import { detectedBoard } from './detected-board.ts'
import { Announced } from './discovery/announced.ts'
import type { Ports } from './discovery/services.ts'
import { OperatorError } from './errors.ts'
import { Gateway } from './gateway.ts'
import { VERSION } from './layout.ts'
import { type Logger, makeLog } from './log.ts'
import { LogRing } from './ops/log-ring.ts'
import { Memory } from './ops/memory.ts'
import type { StatusConfig } from './ops/status.ts'
import { StatusFile } from './ops/status-file.ts'
import { startAgain } from './start-again.ts'
import { bootIdentifier } from './system-time.ts'

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
/** Of the API's socket: systemd starts the gateway as a user of its own, whose group is those who may run it. Anybody else's group is nobody's business. */
const OWNER_AND_GROUP = 0o660
const OWNER_ONLY = 0o600
/** Made by the appliance, which applies what a configuration says of the machine itself. */
const APPLIANCE = '/run/sandpiper-apply'

/** What starts it. */
const PROGRAM = [process.execPath, ...process.execArgv, process.argv[1]!]

export async function runCommand(words: RunWords): Promise<number> {
  const { config: file, 'last-good': lastGood = false, 'or-default': orDefault = false } = words
  const state = words.state === undefined ? null : resolve(words.state)
  const signal = untilSignal()
  if (file === undefined) {
    const accepted = builtIn(state)
    const { config } = accepted
    return serve(config, signal, async (served) => {
      greet(config, served.gateway, DEFAULT_CONFIG_NAME)
      const force: StatusConfig = { source: 'default', digest: digestOf(accepted.text), trouble: null }
      return (await tellOf(config, served, { file: null, state, folder: state ?? config.store.path }, force, accepted)).stop
    })
  }
  const choices = chooseConfig(file, { state, lastGood, orDefault, detectedBoard: detectedBoard(), moment: moment() })
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

/** Which start of the machine this is, and how long ago it was. */
function moment(): Moment {
  return { boot, sinceBootMs: systemClock.now() + bootOffsetMs }
}

const boot = bootIdentifier()

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
  /** Stops it in order, and starts it anew. */
  readonly restart: (why: string) => void
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
  if (source === 'file') keepLastGood(choices.folder, text, log)
  for (const { line, message, hint } of warnings.slice(0, WARNINGS_MAX)) log.warn({ file, line }, `${message}: ${hint}`)
  const { configuration, stop } = await tellOf(config, served, { file, state, folder: choices.folder }, { source, digest: digestOf(text), trouble }, candidate)
  configuration.start(choices.sources)
  const unapplied = existsSync(APPLIANCE) ? [] : machineSections(config)
  if (unapplied.length > 0) log.warn({ file }, `${unapplied.map((key) => `\`${key}\``).join(', ')}: the image applies this, here it is the machine's own system that decides`)
  greet(config, gateway, name)
  return async () => {
    configuration.stop()
    await stop()
  }
}

interface Told {
  readonly file: string | null
  readonly state: string | null
  /** Where the last good configuration lies, and what is on trial. */
  readonly folder: string
}

/** The gateway's status, as a file where systemd gives it a folder, and by its API; its configuration; to the network, that it is there. */
async function tellOf(config: Config, { gateway, log, said, lastError, restart }: Served, { file, state, folder }: Told, force: StatusConfig, started: Accepted): Promise<{ readonly configuration: Configuration; readonly stop: () => Promise<void> }> {
  const runtime = process.env.RUNTIME_DIRECTORY ?? null
  const machineBoot = bootId()
  let api: Api | null = null
  let announced: Announced | null = null
  const configuration = new Configuration(
    {
      clock: systemClock,
      log,
      gateway,
      file,
      state,
      folder,
      detectedBoard: detectedBoard(),
      writer: writerOf({ file: file ?? '', runtime }, systemClock),
      moment,
      accepted: ({ http, discovery, hostname }) => {
        api?.configure(http)
        void announced?.configure({ ...config, discovery, hostname }) // listeners are those of the start
      },
      keep: (text) => keepLastGood(folder, text, log),
      restart,
    },
    force,
    started,
  )
  const status = () => ({ version: VERSION, boot: machineBoot, config: configuration.inForce, ...gateway.status, lastError: lastError() })
  const statusFile = runtime === null ? null : new StatusFile(runtime, { clock: systemClock, log, status })
  api = new Api(config.http, { clock: systemClock, log, gateway, said, configuration, restart, folder: runtime ?? config.store.path, mode: runtime === null ? OWNER_ONLY : OWNER_AND_GROUP, status, program: PROGRAM })
  statusFile?.start()
  await api.start()
  const isAsked = config.remote.report !== null || config.remote.commands !== null
  const remote = isAsked ? await (await import('./remote/remote.ts')).Remote.of(config.remote, { clock: systemClock, log, gateway, version: VERSION, status, alarms: () => gateway.alarms.list(), configuration, makeBundle: () => api!.supportBundle() }) : null
  remote?.start()
  const ports = (): Ports => ({ broker: gateway.ports, http: api!.ports })
  // On the image Avahi does it.
  announced = existsSync(APPLIANCE) ? null : new Announced({ clock: systemClock, log, version: VERSION, ports, refused: () => gateway.counters.refusedDiscovery++ })
  await announced?.configure(config)
  const stop = async (): Promise<void> => {
    await announced?.stop()
    await remote?.stop()
    statusFile?.stop()
    await api.stop()
  }
  return { configuration, stop }
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
