// The configuration: looked at, checked, tried, and kept or taken back.
import { CONFIG_SOURCES } from '../../config/choose.ts'
import type { Problem as Mistake } from '../../config/load.ts'
import { TRIAL_OUTCOMES } from '../../config/trial.ts'
import { CONFIRM_MS_DEFAULT, CONFIRM_MS_MAX, ConfigurationRefused } from '../../configuration/configuration.ts'
import type { ApiParts } from '../parts.ts'
import { type FieldError, Problem } from '../problem.ts'
import { count, flag, input, list, orNull, record, type Route, text } from '../route.ts'

/** As of a file (config/load.ts), and escaped for JSON. */
const TEXT_BYTES_MAX = 600_000
const CONFIRM_SEC_MIN = 10

const TRIAL = record({ digest: text('Of the text on trial.'), confirmWithinSec: count('Then the one before comes back.') }, 'What is on trial.')
const FINDING = record({
  severity: { enum: ['error', 'warning'], description: 'An error keeps it from being taken.' },
  line: count('From 1.'),
  column: count('From 1, in UTF-16 units.'),
  path: text('`sensors[0].serial.baud`; empty for the file as a whole.'),
  message: text('What is wrong.'),
  hint: text('What to write instead.'),
})
const TEXT = text('The whole of it, YAML. `(hidden N)` stands for a secret as it was shown, and may stay.', { maxLength: 256_000 })

export function configurationRoutes({ configuration, restart }: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/configuration',
      role: 'admin',
      tag: 'configuration',
      summary: 'The configuration, its secrets hidden',
      answer: record({
        text: orNull(text('As it was taken last, `(hidden N)` for each secret; null when a secret could not be hidden.')),
        digest: text('Of this text: for a change that is made from it. Another one after each start.'),
        source: { enum: CONFIG_SOURCES, description: 'Which one is in force.' },
        file: orNull(text('Where it is; null: the gateway runs without one.')),
        writable: flag('It can be changed from here.'),
        fixedBecause: orNull(text('Why it cannot be changed from here.')),
        needsRestart: list(text('A section.'), 'Of the file, that count from the next start on.'),
        trouble: orNull(text('Why another one is in force than the file has.')),
        trial: orNull(TRIAL),
        lastTrial: orNull(record({ outcome: { enum: TRIAL_OUTCOMES }, why: orNull(text('In words.')) }, 'What became of the last trial.')),
      }),
      handle: () => {
        const { text: shown, digest, file, inForce, fixedBecause, needsStart, trial, lastTrial } = configuration.view()
        return { text: shown, digest, source: inForce.source, file, writable: fixedBecause === null, fixedBecause, needsRestart: needsStart, trouble: inForce.trouble, trial: trial === null ? null : { digest: trial.digest, confirmWithinSec: Math.ceil(trial.leftMs / 1000) }, lastTrial: lastTrial === null ? null : { outcome: lastTrial.outcome, why: lastTrial.why } }
      },
    },
    {
      method: 'POST',
      path: '/configuration/check',
      role: 'operator',
      tag: 'configuration',
      summary: 'Everything that is wrong with a configuration, with line and column; nothing is changed',
      body: input({ text: TEXT }, ['text']),
      bodyBytesMax: TEXT_BYTES_MAX,
      answer: record({ valid: flag('It can be taken.'), problems: list(FINDING), restart: flag('Taking it starts the gateway anew: clients are away for a second or two.'), needsRestart: list(text('A section that needs it.')) }),
      handle: ({ body }) => {
        const { problems, warnings, config, needsStart } = configuration.check((body as { readonly text: string }).text)
        return { valid: config !== null, problems: [...problems.map((one) => finding('error', one)), ...warnings.map((one) => finding('warning', one))], restart: needsStart.length > 0, needsRestart: needsStart }
      },
    },
    {
      method: 'POST',
      path: '/configuration/apply',
      role: 'admin',
      tag: 'configuration',
      summary: 'Tries a configuration: the one before comes back unless this is confirmed in time',
      description: 'The file stays as it is until then. A power cut, or another start of the machine, brings the one before back too. Who may log in to the machine (`ssh`) cannot be changed in this way.',
      body: input(
        {
          text: TEXT,
          digest: text('Of the text that this one was made from, as GET tells; left out: whatever it is by now.'),
          confirmWithinSec: { type: 'integer', minimum: CONFIRM_SEC_MIN, maximum: CONFIRM_MS_MAX / 1000, default: CONFIRM_MS_DEFAULT / 1000, description: 'For so long it is tried.' },
        },
        ['text'],
      ),
      bodyBytesMax: TEXT_BYTES_MAX,
      problems: ['invalid-configuration', 'conflict'],
      answer: record({ trial: TRIAL, restart: flag('The gateway starts anew now.') }),
      handle: async ({ body }) => {
        const { text: whole, digest, confirmWithinSec } = body as { readonly text: string; readonly digest?: string; readonly confirmWithinSec: number }
        const { needsStart } = configuration.check(whole)
        await refusing(configuration.try(whole, digest ?? null, confirmWithinSec * 1000))
        return { trial: { digest: configuration.view().trial?.digest ?? '', confirmWithinSec }, restart: needsStart.length > 0 }
      },
    },
    {
      method: 'POST',
      path: '/configuration/confirm',
      role: 'admin',
      tag: 'configuration',
      summary: 'Keeps what is on trial: the file says so from now on',
      problems: ['conflict'],
      answer: null,
      handle: () => refusing(configuration.confirm()),
    },
    {
      method: 'POST',
      path: '/configuration/revert',
      role: 'admin',
      tag: 'configuration',
      summary: 'Takes back what is on trial',
      problems: ['conflict'],
      answer: null,
      handle: () => refusing(configuration.revert()),
    },
    {
      method: 'POST',
      path: '/restart',
      role: 'admin',
      tag: 'configuration',
      summary: 'Starts the gateway anew, in order: clients are away for a second or two',
      answer: null,
      handle: ({ caller }) => restart(`${caller!.name} has asked for it`),
    },
  ]
}

function finding(severity: 'error' | 'warning', { line, column, path, message, hint }: Mistake) {
  return { severity, line, column, path, message, hint }
}

async function refusing(done: Promise<void>): Promise<void> {
  try {
    await done
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error
    const errors = error.problems.map(({ path, message, hint, line, column }): FieldError => ({ field: path === '' ? '#/text' : path, detail: message, hint, line, column }))
    throw new Problem(errors.length > 0 ? 'invalid-configuration' : 'conflict', error.message, { errors })
  }
}
