// `sandpiper docs`: the reference of gateway.yaml, on a terminal a page at a time.
import { spawn } from 'node:child_process'
import { OperatorError } from '../errors.ts'

export interface DocsWords {
  readonly markdown?: boolean | undefined
}

export interface DocsTerminal {
  write(text: string): void
  readonly isTty: boolean
  /** 0 where nobody knows. */
  readonly columns: number
  readonly rows: number
}

const COLUMNS = 80
/** -F: what fits on one page ends at once; -R: bold; -X: it stays on the screen. */
const LESS = ['less', '-FRX']

export async function docs([what, ...more]: readonly string[], { markdown }: DocsWords, terminal: DocsTerminal): Promise<number> {
  if (more.length > 0) throw new OperatorError('E_USAGE', 'docs shows all sections; docs SECTION one of them, docs KEY every key of that name')
  const { pageOf, wholeMarkdown } = await import('../docs/docs.ts')
  if (markdown === true) {
    terminal.write(wholeMarkdown())
    return 0
  }
  const { isTty, columns, rows } = terminal
  const page = pageOf(what ?? null, { columns: columns > 0 ? columns : COLUMNS, isTty })
  if ('unknown' in page) throw new OperatorError('E_USAGE', page.unknown)
  if (!isTty || page.text.split('\n').length < rows || !(await paged(page.text))) terminal.write(page.text)
  return 0
}

/** False when there is no pager. */
async function paged(text: string): Promise<boolean> {
  const [program, ...args] = process.env.PAGER === undefined || process.env.PAGER === '' ? LESS : process.env.PAGER.split(/\s+/)
  const pager = spawn(program!, args, { stdio: ['pipe', 'inherit', 'inherit'] })
  const isThere = await new Promise<boolean>((resolve) => void pager.once('spawn', () => resolve(true)).once('error', () => resolve(false)))
  if (!isThere) return false
  pager.stdin.on('error', () => {}) // who has read enough leaves
  pager.stdin.end(text)
  await new Promise((resolve) => void pager.once('close', resolve))
  return true
}
