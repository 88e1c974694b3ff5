// `sandpiper config`: the configuration of the gateway that runs, asked of it and tried by it.
import { readFileSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { OperatorError } from '../errors.ts'
import type { GatewayClient } from './gateway-client.ts'

export interface ConfigWords {
  readonly json?: boolean | undefined
  readonly for?: string | undefined
  readonly yes?: boolean | undefined
}

export interface ConfigAsked {
  readonly gateway: GatewayClient
  readonly clock: Clock
  readonly args: readonly string[]
  readonly words: ConfigWords
  readonly write: (text: string) => void
  /** Of `--for`, or null. */
  readonly forSec: number | null
}

interface View {
  readonly text: string | null
  readonly source: string
  readonly file: string | null
  readonly fixedBecause: string | null
  readonly needsRestart: readonly string[]
  readonly trial: { readonly confirmWithinSec: number } | null
  readonly lastTrial: { readonly outcome: string; readonly why: string | null } | null
}

interface Finding {
  readonly severity: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly hint: string
}

const USAGE = 'config, config check FILE, config apply FILE [--yes] [--for 5m], config confirm, config revert'
/** A gateway with a large store is away so long when it starts itself anew. */
const BACK_MS_MAX = 120_000
const LOOK_MS = 250

/** Exit code. Rejects with OperatorError. */
export async function config(asked: ConfigAsked): Promise<number> {
  const [order, file, ...more] = asked.args
  const isOfFile = order === 'check' || order === 'apply'
  if (more.length > 0 || isOfFile !== (file !== undefined)) throw new OperatorError('E_USAGE', USAGE)
  switch (order) {
    case undefined:
      return show(asked)
    case 'check':
      return check(asked, textOf(file!))
    case 'apply':
      return apply(asked, textOf(file!))
    case 'confirm':
      await asked.gateway.ask('POST /configuration/confirm')
      asked.write('The file says so from now on.\n')
      return 0
    case 'revert':
      await asked.gateway.ask('POST /configuration/revert')
      asked.write('What the file says comes back.\n')
      return 0
    default:
      throw new OperatorError('E_USAGE', USAGE)
  }
}

async function show({ gateway, words, write }: ConfigAsked): Promise<number> {
  const view = (await gateway.ask('GET /configuration')) as View
  if (words.json === true) {
    write(`${JSON.stringify(view, null, 2)}\n`)
    return 0
  }
  const { text, source, file, needsRestart, trial, lastTrial } = view
  const notes = [
    file === null ? 'the configuration that comes with the program' : source === 'file' || source === 'trial' ? file : `not ${file}: the ${source === 'default' ? 'safe default' : 'last good one'}`,
    trial === null ? null : `on trial for ${trial.confirmWithinSec} s more: sandpiper config confirm keeps it`,
    needsRestart.length === 0 ? null : `what a restart waits for: ${needsRestart.join(', ')}`,
    lastTrial === null || lastTrial.outcome === 'confirmed' ? null : `the last trial: ${lastTrial.outcome}${lastTrial.why === null ? '' : `, ${lastTrial.why}`}`,
  ]
  for (const note of notes) if (note !== null) write(`# ${note}\n`)
  write(text ?? '# it has a secret that could not be hidden: look at the file\n')
  return 0
}

async function check({ gateway, words, write }: ConfigAsked, text: string): Promise<number> {
  const answer = (await gateway.ask('POST /configuration/check', { text })) as { valid: boolean; problems: Finding[]; restart: boolean }
  if (words.json === true) write(`${JSON.stringify(answer, null, 2)}\n`)
  else {
    tell(answer.problems, write)
    if (answer.valid) write(answer.restart ? 'It can be taken; the gateway starts anew for it.\n' : 'It can be taken while the gateway runs.\n')
  }
  return answer.valid ? 0 : 1
}

async function apply(asked: ConfigAsked, text: string): Promise<number> {
  const { gateway, write, words, forSec } = asked
  const checked = (await gateway.ask('POST /configuration/check', { text })) as { valid: boolean; problems: Finding[] }
  if (!checked.valid) {
    tell(checked.problems, write)
    return 1
  }
  const { restart, trial } = (await gateway.ask('POST /configuration/apply', { text, ...(forSec === null ? {} : { confirmWithinSec: forSec }) })) as { restart: boolean; trial: { confirmWithinSec: number } }
  const view = restart ? await backAgain(asked) : ((await gateway.ask('GET /configuration')) as View)
  if (view.trial === null) throw new OperatorError('E_REFUSED', `the gateway does not run with it: ${view.lastTrial?.why ?? 'what the file says came back'}`)
  if (words.yes !== true) {
    write(`It is on trial for ${trial.confirmWithinSec} s: sandpiper config confirm keeps it, otherwise the one before comes back.\n`)
    return 0
  }
  await gateway.ask('POST /configuration/confirm')
  write('It is in force, and the file says so.\n')
  return 0
}

/** The gateway is away for a moment: first it ends, then it starts. */
async function backAgain({ gateway, clock }: ConfigAsked): Promise<View> {
  const untilMs = clock.now() + BACK_MS_MAX
  for (let wasAway = false; ; ) {
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve))
    const view = (await gateway.ask('GET /configuration').catch(() => null)) as View | null
    // Before it goes it has the trial already, and answers.
    if (view !== null && (wasAway || view.source === 'trial' || view.trial === null)) return view
    if (view === null) wasAway = true
    if (clock.now() > untilMs) throw new OperatorError('E_NO_GATEWAY', 'the gateway has not come back: what the file says does so by itself at the next start')
  }
}

function tell(problems: readonly Finding[], write: (text: string) => void): void {
  for (const { severity, line, column, message, hint } of problems) write(`${severity}: line ${line}, column ${column}: ${message}\n  ${hint}\n`)
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new OperatorError('E_USAGE', `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
