// The commands: parse, call, exit. Every failure ends in one sentence of what happened and what to do.
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { ExplainWords } from './access/explain.ts'
import { systemClock } from './clock.ts'
import type { ApplyWords } from './commands/apply.ts'
import type { CardWords } from './commands/card.ts'
import type { AskWords } from './commands/ask.ts'
import type { BackupWords, StorePlace } from './commands/backup.ts'
import type { ProgressTerminal } from './commands/progress.ts'
import { commandNamed, OPTIONS } from './commands/catalogue.ts'
import type { ConfigWords } from './commands/config.ts'
import type { ConfigureWords } from './commands/configure.ts'
import { commandHelp, helpText, strayOption } from './commands/help.ts'
import { socketOf, type SocketWords } from './commands/socket.ts'
import type { UnpackWords } from './commands/unpack.ts'
import { defaultConfigText } from './config/default.ts'
import { jsonSchema } from './config/gateway-schema.ts'
import { loadConfig } from './config/load.ts'
import { refusalText, reportProblems } from './config/report.ts'
import { summary } from './config/sections.ts'
import { parseDuration } from './config/units.ts'
import { detectedBoard } from './detected-board.ts'
import { OperatorError } from './errors.ts'
import { VERSION } from './layout.ts'
import { stayingAlive } from './stay-alive.ts'

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = arguments_(argv)
  if (values.version === true) return print(`sandpiper ${VERSION} (node ${process.version})\n`)
  const [command = 'help', ...rest] = positionals
  const known = commandNamed(command)
  if (known === null) throw new OperatorError('E_USAGE', `there is no command "${command}"`)
  if (values.help === true) return help(command)
  const stray = strayOption(known, Object.keys(values))
  if (stray !== null) throw new OperatorError('E_USAGE', stray)
  switch (command) {
    case 'run':
      if (rest.length > 0) throw new OperatorError('E_USAGE', `run takes its file by a word: sandpiper run --config ${rest[0]}`)
      return (await import('./run.ts')).runCommand(values) // not needed by `check`, which has to be quick
    case 'configure':
      return configure(values)
    case 'apply':
    case 'card':
      return appliance(command, rest, values)
    case 'check':
      return check(rest[0] ?? values.config, values)
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
    case 'update':
      return (await import('./commands/update.ts')).update(rest, values, { write: (text) => void process.stdout.write(text), progress: progressTerminal() })
    case 'doctor':
      if (rest.length > 0) throw new OperatorError('E_USAGE', `doctor takes its file by a word: sandpiper doctor --config ${rest[0]}`)
      return (await import('./commands/doctor.ts')).doctor(values, (text) => void process.stdout.write(text))
    case 'support':
      if (rest.length > 0) throw new OperatorError('E_USAGE', `support takes its file by a word: sandpiper support --out ${rest[0]}`)
      return (await import('./commands/support.ts')).support(values, (text) => void process.stdout.write(text))
    case 'help':
      return help(rest[0])
    case 'completion':
      return completion(rest)
    case 'docs':
      return (await import('./commands/docs.ts')).docs(rest, values, { write: (text) => void process.stdout.write(text), isTty: process.stdout.isTTY === true, columns: process.stdout.columns ?? 0, rows: process.stdout.rows ?? 0 })
    case 'backup':
    case 'restore':
      return backup(command, rest, values)
    case 'config':
      return configuration(rest, values)
    case 'status':
    case 'alarms':
    case 'clients':
    case 'queue':
    case 'retained':
    case 'uplink':
    case 'pub':
    case 'sub':
    case 'logs':
      return askGateway(command, rest, values)
    default:
      throw new Error(`the table has a command that nobody carries out: ${command}`)
  }
}

/** All commands, or everything of one. */
function help(name: string | undefined): number {
  if (name === undefined || name === 'help') return print(helpText())
  const command = commandNamed(name)
  if (command === null) throw new OperatorError('E_USAGE', `there is no command "${name}"`)
  return print(commandHelp(command))
}

async function completion([shell, ...more]: readonly string[]): Promise<number> {
  const { completionScript, SHELLS } = await import('./commands/completion.ts')
  const known = SHELLS.find((one) => one === shell)
  if (known === undefined || more.length > 0) throw new OperatorError('E_USAGE', `completion wants a shell: ${SHELLS.join(', ')}`)
  return print(completionScript(known))
}

function arguments_(argv: string[]) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options: OPTIONS })
  } catch (error) {
    throw new OperatorError('E_USAGE', (error as Error).message, { cause: error })
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

/** Without the folder the file is taken for another machine's: what is stored there cannot be looked at. */
function stateOf({ state }: { readonly state?: string | undefined }): { readonly state?: string } {
  return state === undefined ? {} : { state: resolve(state) }
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}

async function check(file: string | undefined, words: { readonly board?: string | undefined; readonly state?: string | undefined }): Promise<number> {
  const { board } = words
  if (file === undefined) throw new OperatorError('E_USAGE', 'check needs a file: sandpiper check gateway.yaml')
  if (board !== undefined) (await import('./commands/board.ts')).profileOf(board)
  const result = loadConfig(file, { ...stateOf(words), ...(board === undefined ? {} : { board }) })
  if ('problems' in result) {
    complain(refusalText(result, file, process.stderr.isTTY === true))
    return 1
  }
  if (result.warnings.length > 0) complain(reportProblems(result.warnings, { fileName: file, text: result.text }))
  const { profile } = result.config.board
  return print(`${file} is good${profile === null ? '' : ` for ${profile.title}`}: ${summary(result.config)}\n`)
}

async function appliance(command: 'apply' | 'card', rest: readonly string[], words: ApplyWords & CardWords): Promise<number> {
  if (rest.length > 0) throw new OperatorError('E_USAGE', `${command} takes no file by itself: sandpiper ${command} --card FOLDER --state FOLDER`)
  const { stdout, stderr } = command === 'apply' ? await (await import('./commands/apply.ts')).applyCommand(words) : await (await import('./commands/card.ts')).cardCommand(words)
  process.stderr.write(stderr)
  return print(stdout)
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
  const { boardCommand, boardList, profileOf } = await import('./commands/board.ts') // not needed by `run`, which has to be small
  if (list) return print(boardList())
  if (id !== undefined) profileOf(id)
  const result = file === undefined ? null : loadConfig(file, { secrets: 'optional', detectedBoard: detectedBoard(root), ...(id === undefined ? {} : { board: id }) })
  if (result !== null && 'problems' in result) {
    complain(refusalText(result, file!, process.stderr.isTTY === true))
    return 1
  }
  return print(await boardCommand({ board: id ?? null, config: result?.config ?? null, root, json }))
}

async function importMosquitto(file: string | undefined, out: string | undefined): Promise<number> {
  if (file === undefined) throw new OperatorError('E_USAGE', 'import needs a file: sandpiper import /etc/mosquitto/mosquitto.conf')
  const [{ importCommand }, { Progress }] = await Promise.all([import('./migrate/command.ts'), import('./commands/progress.ts')]) // not needed by `run`, which has to be small
  const terminal = progressTerminal()
  const progress = new Progress('import', terminal, systemClock)
  const onCheck = (round: number): void => progress.at({ done: round, total: null, unit: 'checks', note: 'what they refuse is left out' })
  const { stdout, stderr, exitCode } = importCommand(file, out ?? null, hostname(), terminal.isTty ? onCheck : undefined) // where it is kept, its report says all
  progress.end()
  print(stdout)
  process.stderr.write(stderr)
  return exitCode
}

async function passwdOf([file, name, ...more]: readonly string[], remove: boolean): Promise<number> {
  if (file === undefined || more.length > 0 || (remove && name === undefined)) throw new OperatorError('E_USAGE', 'passwd needs a file, and the name of one user: sandpiper passwd FILE NAME [--delete]')
  const { passwd } = await import('./commands/passwd.ts')
  return print(await passwd({ file, name: name ?? null, remove, asking: { stdin: process.stdin, write: (text) => void process.stderr.write(text) } }))
}

async function access([what, ...more]: readonly string[], words: ExplainWords & { readonly config?: string | undefined }): Promise<number> {
  if (what !== 'explain' || more.length > 0) throw new OperatorError('E_USAGE', 'access knows one word: sandpiper access explain --client ID --publish TOPIC')
  const file = words.config
  if (file === undefined) throw new OperatorError('E_USAGE', 'access explain needs the configuration: --config gateway.yaml')
  const result = loadConfig(file, { secrets: 'optional' }) // who asks may not be who may read them
  if ('problems' in result) {
    complain(refusalText(result, file, process.stderr.isTTY === true))
    return 1
  }
  if (result.warnings.length > 0) complain(reportProblems(result.warnings, { fileName: file, text: result.text }))
  const { explainAccess } = await import('./access/explain.ts')
  const { text, allowed } = explainAccess(result.config, words)
  print(text)
  return allowed ? 0 : 1
}

async function askGateway(command: string, args: readonly string[], words: AskWords & SocketWords): Promise<number> {
  const { ask } = await import('./commands/ask.ts')
  const { GatewayClient } = await import('./commands/gateway-client.ts')
  const terminal = { write: (text: string) => void process.stdout.write(text), progress: progressTerminal(), ended: untilStopped() }
  return ask(command, { gateway: new GatewayClient(socketOf(words)), args, words, terminal })
}

async function backup(command: 'backup' | 'restore', args: readonly string[], words: BackupWords & SocketWords): Promise<number> {
  const commands = await import('./commands/backup.ts')
  const { GatewayClient } = await import('./commands/gateway-client.ts')
  const deps = { gateway: new GatewayClient(socketOf(words)), place: () => storeOf(words), write: (text: string) => void process.stdout.write(text), terminal: progressTerminal() }
  return command === 'backup' ? commands.backup(args, deps) : commands.restore(args, words, deps)
}

function progressTerminal(): ProgressTerminal {
  return { write: (text) => void process.stderr.write(text), isTty: process.stderr.isTTY === true, columns: process.stderr.columns ?? 0 }
}

async function configuration(args: readonly string[], words: ConfigWords & SocketWords): Promise<number> {
  const ms = words.for === undefined ? null : parseDuration(words.for)
  if (words.for !== undefined && ms === null) throw new OperatorError('E_USAGE', '--for wants a duration such as 60s or 5m')
  const { config } = await import('./commands/config.ts')
  const { GatewayClient } = await import('./commands/gateway-client.ts')
  const gateway = new GatewayClient(socketOf(words))
  return stayingAlive(() => config({ gateway, clock: systemClock, args, words, write: (text) => void process.stdout.write(text), forSec: ms === null ? null : ms / 1000 }))
}

async function configure(words: ConfigureWords): Promise<number> {
  const failures = (await import('./commands/configure.ts')).configureCommand(words)
  for (const why of failures) complain(`sandpiper: ${why}`)
  return failures.length > 0 ? 1 : 0
}

/** Of a gateway that does not run: as its configuration says, or in the folder that is named. */
function storeOf(words: SocketWords): StorePlace | null {
  if (words.config === undefined) return words.state === undefined ? null : { folder: resolve(words.state), site: null }
  const result = loadConfig(words.config, { secrets: 'skip', ...stateOf(words) })
  return 'problems' in result ? { folder: resolve(result.storePath), site: null } : { folder: resolve(result.config.store.path), site: result.config.site }
}

function untilStopped(): Promise<void> {
  return new Promise((stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop())
  })
}

interface SensorWords {
  readonly config?: string | undefined
  readonly board?: string | undefined
  readonly state?: string | undefined
  readonly json?: boolean | undefined
  readonly for?: string | undefined
}

const TRY_SEC = 30

async function sensors([what, entry, ...more]: readonly string[], words: SensorWords & AskWords & SocketWords): Promise<number> {
  if (what === undefined) return askGateway('sensors', [], words)
  const isTry = what === 'try' && entry !== undefined && more.length === 0
  if (!isTry && (what !== 'watch' || entry !== undefined)) throw new OperatorError('E_USAGE', "sensors shows what the gateway has; it knows two words: sensors watch --config gateway.yaml, and sensors try 'serial: { path: /dev/ttyUSB0 }'")
  const seconds = words.for === undefined ? null : parseDuration(words.for)
  if (words.for !== undefined && seconds === null) throw new OperatorError('E_USAGE', '--for wants a duration such as 30s or 5m')
  const { trySensor, watchSensors } = await import('./commands/sensors.ts')
  const board = { detectedBoard: detectedBoard(), ...stateOf(words), ...(words.board === undefined ? {} : { board: words.board }) }
  if (!isTry && words.config === undefined) throw new OperatorError('E_USAGE', 'sensors watch needs the configuration: --config gateway.yaml')
  const file = words.config ?? null
  const result = file === null ? null : loadConfig(file, { secrets: 'optional', ...board })
  if (result !== null && 'problems' in result) {
    complain(refusalText(result, file!, process.stderr.isTTY === true))
    return 1
  }
  const terminal = { write: (text: string) => void process.stdout.write(text), isTty: process.stdout.isTTY === true, ended: untilStopped() }
  if (isTry) return trySensor(entry, { base: result?.text ?? null, file, board, seconds: (seconds ?? TRY_SEC * 1000) / 1000 }, terminal)
  return watchSensors(result!.config, { json: words.json === true, seconds: seconds === null ? Infinity : seconds / 1000 }, terminal)
}

async function unpack(files: readonly string[], words: UnpackWords): Promise<number> {
  const { unpackConfig, unpackFiles } = await import('./commands/unpack.ts')
  if (files.length === 0) {
    const { serve, untilSignal } = await import('./run.ts')
    return serve(unpackConfig(words), untilSignal(), async () => async () => {})
  }
  if (words.from !== undefined) throw new OperatorError('E_USAGE', 'unpack takes frames from files, or from a broker (--from): not from both')
  const { problems } = unpackFiles(files, (line) => void process.stdout.write(line))
  for (const problem of problems) complain(problem)
  return problems.length > 0 ? 1 : 0
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
