// The commands: parse, call, exit. Every failure ends in one sentence of what happened and what to do.
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MessageChannel } from 'node:worker_threads'
import type { ExplainWords } from './access/explain.ts'
import type { ApplyWords } from './apply-command.ts'
import type { CardWords } from './card-command.ts'
import { systemClock } from './clock.ts'
import type { AskWords } from './commands/ask.ts'
import type { ConfigWords } from './commands/config.ts'
import { defaultConfigText } from './config/default.ts'
import { jsonSchema } from './config/gateway-schema.ts'
import { loadConfig } from './config/load.ts'
import { refusalText, reportProblems } from './config/report.ts'
import { summary } from './config/sections.ts'
import { parseDuration } from './config/units.ts'
import { detectedBoard } from './detected-board.ts'
import { OperatorError } from './errors.ts'
import { VERSION } from './layout.ts'
import type { UnpackWords } from './unpack.ts'

const HELP = `sandpiper: MQTT broker, sensors and store-and-forward for places with a bad link

  sandpiper run [--config FILE] [--last-good]   the gateway; without a file, a demonstration on 127.0.0.1:1883
      [--or-default] [--state FOLDER]
  sandpiper apply --card FOLDER --state FOLDER  on the image: network, time, host name and SSH keys as gateway.yaml in that folder says
      [--root FOLDER] [--dry-run]
  sandpiper card --card FOLDER --state FOLDER   on the image: STATUS.txt beside gateway.yaml says how the gateway is; secrets that have worked leave the file
      [--root FOLDER] [--dry-run]
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
  sandpiper status                              how the gateway of this machine is; this and the next ask it by its socket (--socket FILE, or --config FILE), and take --json
  sandpiper alarms [clear NAME]                 what is wrong, the worst first; clear takes one away until its cause was away and comes again
  sandpiper clients [kick CLIENT-ID]            who is connected; kick disconnects one
  sandpiper queue client CLIENT-ID | uplink NAME   what waits, oldest first (--limit N); --drop N takes it away, N messages at most
  sandpiper retained [FILTER] [--clear TOPIC]   retained messages; --clear clears one
  sandpiper uplink [NAME [ORDER]] [--for 900s]  uplinks; ORDER says for a while when one is connected: connect, hold, pause, none
  sandpiper pub TOPIC [PAYLOAD] [--qos N] [--retain]   publishes a message, and says when it is safe
  sandpiper sub FILTER…                         messages as they come
  sandpiper config                              the configuration in force, its secrets hidden
  sandpiper config check FILE                   what is wrong with another one; (hidden N) may stay
  sandpiper config apply FILE [--yes] [--for 60s]   tries it: the one before comes back unless config confirm keeps it (--yes: at once, when it works)
  sandpiper config confirm | revert             keeps what is on trial, or takes it back
  sandpiper logs [--follow] [--level LEVEL]     the last lines of the log
  sandpiper update status [--json]              what is installed, what is on trial, and what became of the last update (image only, as are the next two)
  sandpiper update install FILE|URL [--json]    an application package or the bundle of a root; ends with 0 when it is installed and on trial
  sandpiper update rollback [--json]            back to what ran before
  sandpiper --version

  --last-good   when FILE has a mistake, say so and run on the last one that worked; with --or-default on a safe one where there is none
  --state       folder of the gateway: its store where store.path is relative, the last good configuration, secrets that were moved there
`


async function main(argv: string[]): Promise<number> {
  const { values, positionals } = arguments_(argv)
  if (values.help === true) return print(HELP)
  if (values.version === true) return print(`sandpiper ${VERSION} (node ${process.version})\n`)
  const [command = 'help', ...rest] = positionals
  switch (command) {
    case 'run':
      if (rest.length > 0) throw new OperatorError('E_USAGE', `run takes its file by a word: sandpiper run --config ${rest[0]}`)
      return (await import('./run.ts')).runCommand(values) // not needed by `check`, which has to be quick
    case 'configure': {
      const failures = (await import('./configure-command.ts')).configureCommand(values)
      for (const why of failures) complain(`sandpiper: ${why}`)
      return failures.length > 0 ? 1 : 0
    }
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
      return (await import('./update-command.ts')).update(rest, values, { write: (text) => void process.stdout.write(text), isTty: process.stdout.isTTY === true })
    case 'help':
      return print(HELP)
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
        yes: { type: 'boolean', short: 'y' },
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
        'or-default': { type: 'boolean' },
        card: { type: 'string' },
        'dry-run': { type: 'boolean' },
        socket: { type: 'string' },
        drop: { type: 'string' },
        clear: { type: 'string' },
        limit: { type: 'string' },
        level: { type: 'string' },
        follow: { type: 'boolean', short: 'f' },
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
  if (board !== undefined) (await import('./board-command.ts')).profileOf(board)
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
  const { stdout, stderr } = command === 'apply' ? await (await import('./apply-command.ts')).applyCommand(words) : await (await import('./card-command.ts')).cardCommand(words)
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
  const { boardCommand, boardList, profileOf } = await import('./board-command.ts') // not needed by `run`, which has to be small
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
  const terminal = { write: (text: string) => void process.stdout.write(text), ended: untilStopped() }
  return ask(command, { gateway: new GatewayClient(socketOf(words)), args, words, terminal })
}

async function configuration(args: readonly string[], words: ConfigWords & SocketWords): Promise<number> {
  const ms = words.for === undefined ? null : parseDuration(words.for)
  if (words.for !== undefined && ms === null) throw new OperatorError('E_USAGE', '--for wants a duration such as 60s or 5m')
  const { config } = await import('./commands/config.ts')
  const { GatewayClient } = await import('./commands/gateway-client.ts')
  const { port1 } = new MessageChannel()
  port1.ref() // it waits for timers of the clock, which do not keep the process
  try {
    return await config({ gateway: new GatewayClient(socketOf(words)), clock: systemClock, args, words, write: (text) => void process.stdout.write(text), forSec: ms === null ? null : ms / 1000 })
  } finally {
    port1.close()
  }
}

interface SocketWords {
  readonly socket?: string | undefined
  readonly config?: string | undefined
  readonly state?: string | undefined
}

/** Of the gateway that systemd runs, or of the one that a configuration makes. */
function socketOf(words: SocketWords): string {
  if (words.socket !== undefined) return resolve(words.socket)
  if (words.config === undefined) return existsSync(SERVICE_SOCKET) ? SERVICE_SOCKET : resolve('data/api.sock')
  const result = loadConfig(words.config, { secrets: 'skip', ...stateOf(words) })
  return resolve('problems' in result ? result.storePath : result.config.store.path, 'api.sock')
}

/** Where systemd gives the gateway a folder. */
const SERVICE_SOCKET = '/run/sandpiper/api.sock'

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

async function sensors([what, entry, ...more]: readonly string[], words: SensorWords): Promise<number> {
  const isTry = what === 'try' && entry !== undefined && more.length === 0
  if (!isTry && (what !== 'watch' || entry !== undefined)) throw new OperatorError('E_USAGE', "sensors knows two words: sensors watch --config gateway.yaml, and sensors try 'serial: { path: /dev/ttyUSB0 }'")
  const seconds = words.for === undefined ? null : parseDuration(words.for)
  if (words.for !== undefined && seconds === null) throw new OperatorError('E_USAGE', '--for wants a duration such as 30s or 5m')
  const { trySensor, watchSensors } = await import('./sensors-command.ts')
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
  const { unpackConfig, unpackFiles } = await import('./unpack.ts')
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
