// The table of gateways: CSV (RFC 4180; also with semicolons or tabs, as spreadsheets of some countries write it), the first line names the
// columns, `site` is one of them. Everything wrong is told at once, by line.
import { parse } from 'csv-parse/sync'

const ROWS_MAX = 10_000
const SITE = 'site'

export interface Row {
  readonly site: string
  /** In the file, from 1. */
  readonly line: number
  readonly values: ReadonlyMap<string, string>
}

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

/** A mistake of who called: told as it is, without a stack. */
export class ProvisionError extends Error {}

interface Parsed {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

/** Throws ProvisionError with a line for each thing that is wrong. */
export function readTable(text: string): Table {
  let parsed: Parsed[]
  try {
    const options = { bom: true, delimiter: delimiterOf(text), trim: true, skip_empty_lines: true, relax_column_count: true, info: true, comment: '#', comment_no_infix: true, to: ROWS_MAX + 2 }
    parsed = parse(text, options) as unknown as Parsed[]
  } catch (error) {
    throw new ProvisionError(`the table is no CSV: ${(error as Error).message}`)
  }
  const [head, ...rest] = parsed
  const columns = head?.record ?? []
  const wrong: string[] = []
  if (!columns.includes(SITE)) throw new ProvisionError('the first line of the table has to name its columns, and one of them has to be `site`')
  for (const column of columns) if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(column)) wrong.push(`line 1: "${column}" is no name for a column: write letters, digits, _ . -`)
  for (const column of new Set(columns.filter((name, i) => columns.indexOf(name) !== i))) wrong.push(`line 1: there are two columns "${column}"`)
  if (rest.length === 0) wrong.push('the table has no gateways: write one line for each below the first')
  if (rest.length > ROWS_MAX) wrong.push(`the table has more than ${ROWS_MAX} lines: cut it into several`)
  const seen = new Map<string, number>()
  const rows = rest.slice(0, ROWS_MAX).map(({ record, info: { lines: line } }): Row => {
    if (record.length !== columns.length) wrong.push(`line ${line}: has ${record.length} values for ${columns.length} columns`)
    const values = new Map(columns.map((column, i) => [column, record[i] ?? '']))
    const site = values.get(SITE)!
    const folded = site.toLowerCase() // names of files and host names do not differ by case alone
    if (site === '') wrong.push(`line ${line}: has no site`)
    else if (seen.has(folded)) wrong.push(`line ${line}: the site "${site}" is that of line ${seen.get(folded)} too`)
    seen.set(folded, line)
    return { site, line, values }
  })
  if (wrong.length > 0) throw new ProvisionError(wrong.join('\n'))
  return { columns, rows }
}

function delimiterOf(text: string): string {
  const head = text.split(/\r?\n/, 1)[0]!
  return [',', ';', '\t'].reduce((best, it) => (head.split(it).length > head.split(best).length ? it : best))
}
