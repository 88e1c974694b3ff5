// Problems → text for a terminal, a log or the status page:
//
//   gateway.yaml:12:5  unknown key `prot` in `listeners[0]`
//     12 |   - { prot: 1883 }
//        |       ^
//        did you mean `port`? allowed here: port, host, anonymous
//
// Always true: no secret of the file is in it (it may be read over HTTP), no line breaks the terminal.
import type { Refused } from './load.ts'
import type { Problem } from './place.ts'

const SHOWN_MAX = 20 // more scroll the first one away, and it is the one to start with
const WIDTH_MAX = 100

export interface ReportOptions {
  /** As the person knows the file. */
  readonly fileName: string
  /** The checked text, for the lines; null when it could not be read. */
  readonly text: string | null
  /** Of a line of the file that is shown; a longer one is shown around its mistake. */
  readonly width?: number
  /** True on a terminal that shows colours. */
  readonly color?: boolean
}

/** Why a file is not used, for a terminal or a log. Ends without a newline. */
export function refusalText({ problems, text }: Refused, fileName: string, color: boolean): string {
  const n = problems.length
  return `${reportProblems(problems, { fileName, text, color })}\n\n${n === 1 ? 'This problem keeps' : `These ${n} problems keep`} ${fileName} from being used.`
}

/** Ends without a newline. */
export function reportProblems(problems: readonly Problem[], options: ReportOptions): string {
  const lines = options.text?.split(/\r?\n/) ?? []
  const shown = problems.slice(0, SHOWN_MAX).map((problem) => reportOne(problem, options, lines))
  const left = problems.length - shown.length
  return [...shown, ...(left > 0 ? [`… and ${left} more`] : [])].join('\n\n')
}

function reportOne(problem: Problem, { fileName, color = false, width = WIDTH_MAX }: ReportOptions, lines: readonly string[]): string {
  const paint = (code: number, text: string): string => (color ? `\u001B[${code}m${text}\u001B[0m` : text)
  const source = lines[problem.line - 1]
  if (problem.code === 'E_CONFIG_READ' || source === undefined) return `${paint(31, problem.message)}\n  ${problem.hint}`
  const number = String(problem.line)
  const margin = ' '.repeat(number.length)
  const [line, column] = window(withoutSecrets(source, lines[problem.line - 2] ?? ''), problem.column, width)
  return [
    `${paint(1, `${fileName}:${problem.line}:${problem.column}`)}  ${paint(31, problem.message)}`,
    `  ${paint(2, `${number} |`)} ${line}`,
    `  ${paint(2, `${margin} |`)} ${' '.repeat(column - 1)}${paint(31, '^')}`,
    `  ${margin}   ${problem.hint}`,
  ].join('\n')
}

// Every replacement keeps the length, so that the caret still points at its place.
function withoutSecrets(line: string, lineBefore: string): string {
  const hide = (text: string): string => '•'.repeat(text.length)
  // The value of a block scalar or of a key alone on its line.
  if (/password["']?\s*:\s*([|>][-+]?)?\s*(#.*)?$/i.test(lineBefore)) return line.replace(/\S.*/, hide)
  return line
    .replace(/(password["']?\s*:\s*)(?![{\s]|$)(.*)/i, (_, key: string, value: string) => key + hide(value))
    .replace(/(:\/\/)([^@\s]*)(?=@)/, (_, slashes: string, user: string) => slashes + hide(user))
}

// The part of a long line around the column, and the column in it.
function window(line: string, column: number, width: number): [line: string, column: number] {
  const printable = line.replaceAll(/[^\P{C}]/gu, (c) => ' '.repeat(c.length))
  const at = Math.min(column, printable.length + 1)
  if (printable.length <= width) return [printable, at]
  const start = Math.max(0, Math.min(at - Math.floor(width / 2), printable.length - width))
  return [printable.slice(start, start + width), at - start]
}
