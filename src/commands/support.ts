// `sandpiper support`: one file for whoever helps. Made here and not by the gateway: it may not run, and root sees more than it does.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { makeBundle } from '../doctor/bundle.ts'
import { OperatorError } from '../errors.ts'
import { VERSION } from '../layout.ts'
import { boardCommand } from './board.ts'
import { findSite, type SiteWords } from './site.ts'
import { bytesText } from './table.ts'

export interface SupportWords extends SiteWords {
  readonly out?: string | undefined
}

const JOURNAL_LINES = 2000
const JOURNAL_BYTES_MAX = 4_000_000
const JOURNAL_MS_MAX = 5000

/** Exit code. Throws OperatorError when the file cannot be written. */
export async function support(words: SupportWords, write: (text: string) => void): Promise<number> {
  const { patient, text, lastGood, client } = await findSite(words)
  const { config, gateway, root, clock } = patient
  const bundle = await makeBundle({
    patient,
    version: VERSION,
    ask: gateway === null ? null : (path) => (path === '/metrics' ? client.text(path) : client.ask(`GET ${path}`)),
    configurations: { ...(text === null ? {} : { 'gateway.yaml': text }), ...(lastGood === null || lastGood === text ? {} : { 'last-good.yaml': lastGood }) },
    journal,
    board: () => boardCommand({ board: null, config: null, root, json: true }),
  })
  const file = resolve(words.out ?? `sandpiper-support-${config?.site ?? 'gateway'}-${new Date(clock.wall()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}.tar.gz`)
  try {
    writeFileSync(file, bundle, { mode: 0o600 })
  } catch (error) {
    throw new OperatorError('E_USAGE', `${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}): name another place by --out FILE`, { cause: error })
  }
  write(`${file}, ${bytesText(bundle.length)}${gateway === null ? '; no gateway could be asked' : ''}. It has no secrets of the configuration, but names, topics and addresses: look through it before you send it.\n`)
  return 0
}

/** What systemd has of the service. */
async function journal(): Promise<string> {
  const args = ['--unit', 'sandpiper', '--lines', String(JOURNAL_LINES), '--no-pager', '--output', 'short-iso', '--quiet']
  const { stdout } = await promisify(execFile)('journalctl', args, { timeout: JOURNAL_MS_MAX, maxBuffer: JOURNAL_BYTES_MAX }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`no gateway runs, and the journal cannot be read (${error.code ?? 'it has failed'})`)
  })
  if (stdout === '') throw new Error('no gateway runs, and the journal has nothing of it that this user may read')
  return stdout
}
