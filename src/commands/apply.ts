// `sandpiper apply`: chooses the configuration as `run` does, and makes it the machine's.
import { join } from 'node:path'
import { Led, type LedCode } from '../card/led.ts'
import { folderFiles } from '../card/files.ts'
import { leftOvers, recover } from '../card/replace.ts'
import { CARD_LOCK, whileWritable } from '../card/writable.ts'
import { apply } from '../appliance/apply.ts'
import { systemMachine } from '../appliance/machine.ts'
import { planOf } from '../appliance/plan.ts'
import { systemClock } from '../clock.ts'
import { chooseConfig, type ConfigSource } from '../config/choose.ts'
import { checkText } from '../config/load.ts'
import { reportProblems } from '../config/report.ts'
import { detectedBoard } from '../detected-board.ts'
import { OperatorError } from '../errors.ts'
import { thisMoment } from '../this-start.ts'

const FILE_NAME = 'gateway.yaml'
/** Until the gateway runs and `sandpiper card` knows more. */
const LIGHTS: Readonly<Record<ConfigSource, LedCode>> = { trial: 'starting', file: 'starting', 'last-good': 'last-good', default: 'default' }

export interface ApplyWords {
  readonly card?: string | undefined
  readonly state?: string | undefined
  readonly root?: string | undefined
  readonly 'dry-run'?: boolean | undefined
}

export async function applyCommand({ card, state, root = '', 'dry-run': dryRun = false }: ApplyWords): Promise<{ readonly stdout: string; readonly stderr: string }> {
  if (card === undefined || state === undefined) throw new OperatorError('E_USAGE', 'apply needs the folder of gateway.yaml and that of the state: sandpiper apply --card /boot/gateway --state /var/lib/sandpiper')
  const file = join(card, FILE_NAME)
  const here = { detectedBoard: detectedBoard(root), state }
  const led = new Led(root)
  const failed = dryRun ? null : recoverCard(card, root)
  const choices = chooseConfig(file, { ...here, lastGood: true, orDefault: true, moment: thisMoment() })
  if (dryRun) {
    const chosen = choices.candidates().next().value!
    const { files, hostname } = planOf(chosen.config)
    return { stdout: [`${chosen.name} would be applied`, `host name ${hostname}`, ...files.map(({ path, mode }) => `${path} (${mode.toString(8)})`), ''].join('\n'), stderr: '' }
  }
  const check = (text: string) => {
    const result = checkText(text, file, { ...here, secrets: 'optional' })
    return 'problems' in result ? null : result.config
  }
  const { source, failures, problems } = await apply({ file, choices, machine: systemMachine(root), clock: systemClock, check })
  led.show(LIGHTS[source])
  const report = problems.length === 0 ? [] : [reportProblems(problems, { fileName: file, text: choices.refused?.text ?? null }), '']
  const words = { trial: 'The configuration on trial is applied: the one before comes back unless it is confirmed.', file: `${file} is applied`, 'last-good': 'The last good configuration is applied until that is mended.', default: 'There is no last good configuration: the safe default is applied until that is mended.' }
  return { stdout: `${words[source]}\n`, stderr: [...report, ...(failed === null ? [] : [failed]), ...failures].map((line) => `${line}\n`).join('') }
}

/** A file that a power cut has left without its name gets it, before anybody looks for it. Answers what went wrong, for the log. */
function recoverCard(card: string, root: string): string | null {
  const files = folderFiles(card)
  const left = leftOvers(files)
  if (left.length === 0) return null
  try {
    whileWritable(card, systemClock, () => recover(files, left), join(root, CARD_LOCK))
    return null
  } catch (error) {
    return `the card cannot be put in order: ${(error as Error).message}`
  }
}
