// The reference for a terminal: as wide as it is, deeper keys farther in. No colours but bold names, and those only where `isTty`.
import type { Example } from './examples.ts'
import type { Key } from './reference.ts'

const INDENT = 2
const COLUMNS_MIN = 40
/** Longer lines are hard to read. */
const COLUMNS_MAX = 100

export interface Page {
  readonly columns: number
  readonly isTty: boolean
}

/** What there is. */
export function listText(keys: readonly Key[], page: Page): string {
  const names = Math.max(...keys.map(({ name }) => name.length))
  return keys.map(({ name, description }) => `${bold(name, page)}${' '.repeat(names - name.length + 2)}${wrapped(description, names + 2, page).trimStart()}`).join('\n')
}

/** A key with all below it, and examples. */
export function keyText(key: Key, examples: readonly Example[], page: Page): string {
  const lines = [...entry({ ...key, name: key.path }, 0, page), ...below(key, INDENT, page)]
  for (const { title, yaml } of examples) lines.push('', ...wrapped(`Example: ${title}`, 0, page).split('\n').map((line) => bold(line, page)), '', ...yaml.split('\n').map((line) => `    ${line}`))
  return lines.join('\n')
}

function below({ keys, kinds }: Key, at: number, page: Page): string[] {
  const lines = keys.flatMap((key) => ['', ...entry(key, at, page), ...below(key, at + INDENT, page)])
  for (const { name, keys: own } of kinds) lines.push('', `${' '.repeat(at)}With ${bold(name, page)}:`, ...own.flatMap((key) => ['', ...entry(key, at + INDENT, page), ...below(key, at + 2 * INDENT, page)]))
  return lines
}

function entry(key: Key, at: number, page: Page): string[] {
  const said = wrapped(`${key.name}: ${wordsOf(key)}`, at + INDENT, page).slice(INDENT)
  return [said.replace(`${key.name}:`, `${bold(key.name, page)}:`), ...(key.description === '' ? [] : [wrapped(key.description, at + 2 * INDENT, page)])]
}

/** What may be written, and what holds when nothing is. */
export function wordsOf({ value, need, default: plain }: Key): string {
  return `${value}${need === 'required' ? '; required' : plain === null ? '' : `; ${plain} when left out`}`
}

/** Lines with `at` blanks in front. */
function wrapped(text: string, at: number, { columns }: Page): string {
  const width = Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, columns)) - at
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => ' '.repeat(at) + one).join('\n')
}

function bold(text: string, { isTty }: Page): string {
  return isTty ? `\u001b[1m${text}\u001b[0m` : text
}
