// The commands: parse, call, exit. Every failure ends in one sentence of what happened and what to do.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import type { ExplainWords } from './access/explain.ts'
import type { Config } from './config/config.ts'
import { DEFAULT_CONFIG_NAME, defaultConfigText } from './config/default.ts'
import { jsonSchema } from './config/gateway-schema.ts'
import { loadLastGood, rememberLastGood } from './config/last-good.ts'
import { checkText, loadConfig, type LoadResult } from './config/load.ts'
import { reportProblems } from './config/report.ts'
import { type Sources, sourcesOf } from './config/watch.ts'
import { parseDuration } from './config/units.ts'
import { banner } from './banner.ts'
import { detectedBoard } from './detected-board.ts'
import { OperatorError } from './errors.ts'
import type { Clock } from './clock.ts'
import type { Gateway } from './gateway.ts'
import type { Logger } from './log.ts'
import type { UnpackWords } from './unpack.ts'

const HELP = `sandpiper: MQTT broker, sensors and store-and-forward for places with a bad link

  sandpiper run [--config FILE] [--last-good]   the gateway; without a file, a demonstration on 127.0.0.1:1883
  sandpiper check FILE [--board ID]             every problem of a configuration, with line and column; with --board for that board, on any machine
  sandpiper board [--config FILE] [--board ID]  what this machine is and has: GPIO lines and who holds them, serial ports, buses, sensors on them;
      [--json] [--root FOLDER]                  with a configuration also the boot lines that it needs here
  sandpiper board --list                        the boards that are known
  sandpiper default                             the configuration that run takes without a file
  sandpiper schema                              JSON Schema of gateway.yaml, for editors
  sandpiper import FILE [--out gateway.yaml]    a Mosquitto configuration as gateway.yaml, and every line that it could not honour
  sandpiper passwd FILE NAME [--delete]         adds a user to a password file, changes its password (asked for, or a line of standard input), or removes it
  sandpiper passwd FILE                         the users of a password file, and how well each password is kept
  sandpiper unpack --from URL [--to URL]        frames at a broker become the messages in them, at the same broker or another
      [--topic FILTER]… [--state FOLDER] [--qos N] [--client-id ID] [--user NAME --password-file FILE] [--ca FILE]
      [--to-user NAME --to-password-file FILE] [--to-ca FILE]
  sandpiper unpack FILE…                        the messages of frames in files, as lines of JSON
  sandpiper access explain --config FILE        what a client may do, and which rule says so; ends with 0 for allowed, 1 for denied
      --client ID [--user NAME | --anonymous] [--tenant NAME] [--role NAME]… [--claim NAME=VALUE]…
      --publish TOPIC [--qos N] [--retain] | --subscribe FILTER [--qos N] | --receive TOPIC
  sandpiper sensors watch --config FILE         what the sensors read, live; of the gateway that runs, or read here where none does
      [--json] [--for 30s]
  sandpiper sensors try 'serial: { … }'         one entry as it would stand under sensors, read at once; ends with 0 when a reading came
      [--config FILE] [--board ID] [--for 30s]
  sandpiper --version

  --last-good   when FILE has a mistake, say so and run on the last one that was accepted
`

const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
/** Everything is stopped in this time, or the process ends all the same. */
const STOP_MS_MAX = 5000

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = arguments_(argv)
  if (values.help === true) return print(HELP)
  if (values.version === true) return print(`sandpiper ${VERSION} (node ${process.version})\n`)
  const [command = 'help', ...rest] = positionals
  switch (command) {
    case 'run':
      return run(values.config, values['last-good'] === true)
    case 'check':
      return check(rest[0] ?? values.config, values.board)
    case 'board':
      return board(rest, values)
    case 'default':
      return print(defaultConfigText)
    case 'schema':
      return print(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
    case 'import':
      return importMosquitto(rest[0], values.out)
    case 'passwd':
      return passwdOf(rest, values.delete === true)
    case 'unpack':
      return unpack(rest, values)
    case 'access':
      return access(rest, values)
    case 'sensors':
      return sensors(rest, values)
    case 'help':
      return print(HELP)
    default:
      throw new OperatorError('E_USAGE', `there is no command "${command}"`)
  }
}

function arguments_(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        out: { type: 'string', short: 'o' },
        delete: { type: 'boolean' },
        client: { type: 'string' },
        user: { type: 'string' },
        anonymous: { type: 'boolean' },
        tenant: { type: 'string' },
        role: { type: 'string', multiple: true },
        claim: { type: 'string', multiple: true },
        publish: { type: 'string' },
        subscribe: { type: 'string' },
        receive: { type: 'string' },
        qos: { type: 'string' },
        board: { type: 'string' },
        json: { type: 'boolean' },
        for: { type: 'string' },
        list: { type: 'boolean' },
        root: { type: 'string' },
        retain: { type: 'boolean' },
        from: { type: 'string' },
        to: { type: 'string' },
        topic: { type: 'string', multiple: true },
        state: { type: 'string' },
        'client-id': { type: 'string' },
        'password-file': { type: 'string' },
        ca: { type: 'string' },
        'to-user': { type: 'string' },
        'to-password-file': { type: 'string' },
        'to-ca': { type: 'string' },
        'last-good': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new OperatorError('E_USAGE', (error as Error).message, { cause: error })
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}

async function check(file: string | undefined, board: string | undefined): Promise<number> {
  if (file === undefined) throw new OperatorError('E_USAGE', 'check needs a file: sandpiper check gateway.yaml')
  if (board !== undefined) (await import('./board-command.ts')).profileOf(board)
  const result = loadConfig(file, board === undefined ? {} : { board })
  if ('problems' in result) {
    complain(describe(result, file))
    return 1
  }
  if (result.warnings.length > 0) complain(reportProblems(result.warnings, { fileName: file, text: result.text }))
  const { profile } = result.config.board
  return print(`${file} is good${profile === null ? '' : ` for ${profile.title}`}: ${summary(result.config)}\n`)
}

interface BoardWords {
  readonly config?: string | undefined
  readonly board?: string | undefined
  readonly root?: string | undefined
  readonly json?: boolean | undefined
  readonly list?: boolean | undefined
}

async function board(rest: readonly string[], { config: file, board: id, root = '', json = false, list = false }: BoardWords): Promise<number> {
  if (rest.length > 0) throw new OperatorError('E_USAGE', 'board takes no file by itself: sandpiper board --config gateway.yaml')
  const { boardCommand, boardList, profileOf } = await import('./board-command.ts') // not needed by `run`, which has to be small
  if (list) return print(boardList())
  if (id !== undefined) profileOf(id)
  const result = file === undefined ? null : loadConfig(file, { secrets: 'optional', detectedBoard: detectedBoard(root), ...(id === undefined ? {} : { board: id }) })
  if (result !== null && 'problems' in result) {
    complain(describe(result, file!))
    return 1
  }
  return print(await boardCommand({ board: id ?? null, config: result?.config ?? null, root, json }))
}

async function importMosquitto(file: string | undefined, out: string | undefined): Promise<number> {
  if (file === undefined) throw new OperatorError('E_USAGE', 'import needs a file: sandpiper import /etc/mosquitto/mosquitto.conf')
  const { importCommand } = await import('./migrate/command.ts') // not needed by `run`, which has to be small
  const { stdout, stderr, exitCode } = importCommand(file, out ?? null, hostname())
  print(stdout)
  process.stderr.write(stderr)
  return exitCode
}

async function passwdOf([file, name, ...more]: readonly string[], remove: boolean): Promise<number> {
  if (file === undefined || more.length > 0 || (remove && name === undefined)) throw new OperatorError('E_USAGE', 'passwd needs a file, and the name of one user: sandpiper passwd FILE NAME [--delete]')
  const { passwd } = await import('./passwd.ts')
  return print(await passwd({ file, name: name ?? null, remove, asking: { stdin: process.stdin, write: (text) => void process.stderr.write(text) } }))
}

async function access([what, ...more]: readonly string[], words: ExplainWords & { readonly config?: string | undefined }): Promise<number> {
  if (what !== 'explain' || more.length > 0) throw new OperatorError('E_USAGE', 'access knows one word: sandpiper access explain --client ID --publish TOPIC')
  const file = words.config
  if (file === undefined) throw new OperatorError('E_USAGE', 'access explain needs the configuration: --config gateway.yaml')
  const result = loadConfig(file, { secrets: 'optional' }) // who asks may not be who may read them
  if ('problems' in result) {
    complain(describe(result, file))
    return 1
  }
  if (result.warnings.length > 0) complain(reportProblems(result.warnings, { fileName: file, text: result.text }))
  const { explainAccess } = await import('./access/explain.ts')
  const { text, allowed } = explainAccess(result.config, words)
  print(text)
  return allowed ? 0 : 1
}

interface SensorWords {
  readonly config?: string | undefined
  readonly board?: string | undefined
  readonly json?: boolean | undefined
  readonly for?: string | undefined
}

const TRY_SEC = 30

async function sensors([what, entry, ...more]: readonly string[], words: SensorWords): Promise<number> {
  const isTry = what === 'try' && entry !== undefined && more.length === 0
  if (!isTry && (what !== 'watch' || entry !== undefined)) throw new OperatorError('E_USAGE', "sensors knows two words: sensors watch --config gateway.yaml, and sensors try 'serial: { path: /dev/ttyUSB0 }'")
  const seconds = words.for === undefined ? null : parseDuration(words.for)
  if (words.for !== undefined && seconds === null) throw new OperatorError('E_USAGE', '--for wants a duration such as 30s or 5m')
  const { trySensor, watchSensors } = await import('./sensors-command.ts')
  const board = { detectedBoard: detectedBoard(), ...(words.board === undefined ? {} : { board: words.board }) }
  if (!isTry && words.config === undefined) throw new OperatorError('E_USAGE', 'sensors watch needs the configuration: --config gateway.yaml')
  const file = words.config ?? null
  const result = file === null ? null : loadConfig(file, { secrets: 'optional', ...board })
  if (result !== null && 'problems' in result) {
    complain(describe(result, file!))
    return 1
  }
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
  const terminal = { write: (text: string) => void process.stdout.write(text), isTty: process.stdout.isTTY === true, ended }
  if (isTry) return trySensor(entry, { base: result?.text ?? null, file, board, seconds: (seconds ?? TRY_SEC * 1000) / 1000 }, terminal)
  return watchSensors(result!.config, { json: words.json === true, seconds: seconds === null ? Infinity : seconds / 1000 }, terminal)
}

function summary(config: Config): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  return [`site ${config.site}`, count(config.broker.listeners.length, 'listener'), count(config.sensors.length, 'sensor'), count(config.uplinks.length, 'uplink')].join(', ')
}

function describe(result: Extract<LoadResult, { problems: unknown }>, file: string): string {
  const color = process.stderr.isTTY === true
  const n = result.problems.length
  return `${reportProblems(result.problems, { fileName: file, text: result.text, color })}\n\n${n === 1 ? 'This problem keeps' : `These ${n} problems keep`} ${file} from being used.`
}

/** The configuration to run, or null after its problems were told. */
function configuration(file: string | undefined, lastGood: boolean): { config: Config; text: string; sources: Sources | null; name: string } | null {
  if (file === undefined) {
    const result = checkText(defaultConfigText, DEFAULT_CONFIG_NAME)
    if ('problems' in result) throw new Error('the built-in configuration is broken')
    return { ...result, sources: null, name: DEFAULT_CONFIG_NAME }
  }
  const here = { detectedBoard: detectedBoard() }
  const result = loadConfig(file, here)
  const sources = sourcesOf(file, result.files)
  if (!('problems' in result)) return { ...result, sources, name: file }
  complain(describe(result, file))
  if (!lastGood) return null
  const text = loadLastGood(result.storePath)
  const old = text === null ? null : checkText(text, file, { secrets: 'optional', ...here })
  if (old === null || 'problems' in old) {
    complain('There is no last good configuration to run on.')
    return null
  }
  complain('Running on the last good configuration until that is mended.')
  return { ...old, sources, name: `last good ${file}` }
}

async function run(file: string | undefined, lastGood: boolean): Promise<number> {
  const chosen = configuration(file, lastGood)
  if (chosen === null) return 1
  const { config } = chosen
  return serve(config, async (gateway, log, clock) => {
    if (chosen.name === file) rememberLastGood(config.store.path, chosen.text)
    const { Reload } = await import('./reload.ts')
    const reload = file === undefined || chosen.sources === null ? null : new Reload(file, gateway, clock, log)
    reload?.start(chosen.sources!)
    if (!isUnderSystemd()) print(banner(config, gateway.ports, chosen.name, VERSION))
    return () => reload?.stop()
  })
}

async function unpack(files: readonly string[], words: UnpackWords): Promise<number> {
  const { unpackConfig, unpackFiles } = await import('./unpack.ts')
  if (files.length === 0) return serve(unpackConfig(words), () => Promise.resolve(() => {}))
  if (words.from !== undefined) throw new OperatorError('E_USAGE', 'unpack takes frames from files, or from a broker (--from): not from both')
  const { problems } = unpackFiles(files, (line) => void process.stdout.write(line))
  for (const problem of problems) complain(problem)
  return problems.length > 0 ? 1 : 0
}

function isUnderSystemd(): boolean {
  return process.env.JOURNAL_STREAM !== undefined || process.env.NOTIFY_SOCKET !== undefined
}

/** A gateway until a signal ends it, or its store. `begun` may add to it, and answers how to take that away again. */
async function serve(config: Config, begun: (gateway: Gateway, log: Logger, clock: Clock) => Promise<() => void>): Promise<number> {
  const [{ Gateway }, { makeLog }, { Memory }, { systemClock }] = await Promise.all([
    import('./gateway.ts'), // not needed by `check`, which has to be quick
    import('./log.ts'),
    import('./ops/memory.ts'),
    import('./clock.ts'),
  ])
  const log = await makeLog(config.log.level, process.stdout.isTTY === true && !isUnderSystemd())
  const systemd = process.env.NOTIFY_SOCKET === undefined ? null : new (await import('./ops/systemd.ts')).Systemd(systemClock, log)

  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
  let failed = false
  const broken = Promise.withResolvers<string>()
  const onFatal = (error: Error): void => {
    failed = true
    complain(error instanceof OperatorError ? `sandpiper: ${error.sentence}` : String(error))
    broken.resolve('the store is broken')
  }
  const gateway = await Gateway.start(config, { log, version: VERSION, onFatal })
  const end = await begun(gateway, log, systemClock)
  log.info({ site: config.site, ports: gateway.ports, version: VERSION }, 'sandpiper is ready')
  const memory = new Memory(systemClock, gateway.counters)
  memory.start()
  systemd?.ready(summary(config), (withinMs) => gateway.progresses(withinMs))

  const why = await Promise.race([stopped, broken.promise])
  log.info({ why }, 'stopping')
  systemd?.stopping()
  memory.stop()
  end()
  systemClock.after(STOP_MS_MAX, () => process.exit(1)) // whatever still hangs
  await gateway.stop()
  log.info({}, 'stopped')
  return failed ? 1 : 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof OperatorError)) throw error
  complain(`sandpiper: ${error.sentence}`)
  process.exitCode = 1
}
// A serial port or a name look-up that still hangs must not keep the process.
if (process.exitCode !== undefined) process.exit()
