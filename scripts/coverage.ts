// Writes test/wire/COVERAGE.md: each statement of the standard with the places in the source that obey it and the tests that check it.
//
//   npm run coverage
//
// Both are found by their tags, [MQTT-3.1.2-24]: in comments of src/, in titles under test/. A place is named by file and function, not by
// line, so that the table changes only when something moves that matters. test/unit/coverage.test.ts keeps the table up to date.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { STATEMENTS, type Statement } from '../test/wire/statements.ts'

const ROOT = join(import.meta.dirname, '..')
export const TABLE = join(ROOT, 'test/wire/COVERAGE.md')

const TAG = /\[(MQTT[^\]\s]*)\]/g

/** Where a tag was found. */
export interface Place {
  readonly tag: string
  /** From the root, with its line: for messages. */
  readonly where: string
  /** As the table names it; null when it only speaks of the statement: the comment a file opens with. */
  readonly name: string | null
}

export interface Coverage {
  readonly statements: readonly Statement[]
  readonly source: readonly Place[]
  readonly tests: readonly Place[]
}

export function readCoverage(): Coverage {
  return {
    statements: STATEMENTS,
    source: filesUnder('src').flatMap((file) => placesInSource(file, linesOf(file))),
    tests: filesUnder('test').flatMap((file) => placesInTests(file, linesOf(file))),
  }
}

function filesUnder(folder: string): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
  return files.filter((file) => file.endsWith('.ts') && file !== 'test/wire/statements.ts' && file !== 'test/unit/coverage.test.ts').sort()
}

function linesOf(file: string): string[] {
  return readFileSync(join(ROOT, file), 'utf8').split('\n')
}

// ---- places

export function placesInSource(file: string, lines: readonly string[]): Place[] {
  const short = file.replace(/^src\//, '')
  return lines.flatMap((line, i) =>
    Array.from(line.matchAll(TAG), ([, tag]) => {
      const owner = ownerOf(lines, i)
      return { tag: tag!, where: `${file}:${i + 1}`, name: owner === null ? null : `${short} ${owner}` }
    }),
  )
}

/** Tags in string literals; those in comments prove nothing. */
export function placesInTests(file: string, lines: readonly string[]): Place[] {
  const name = file.replace(/^test\//, '').replace(/(\.test)?\.ts$/, '')
  return lines.flatMap((line, i) => {
    const code = line.replace(/(^|\s)\/\/ .*$/, '')
    const titled = Array.from(code.matchAll(TAG)).filter(({ index }) => /['`"]/.test(code.slice(0, index)))
    return titled.map(([, tag]) => ({ tag: tag!, where: `${file}:${i + 1}`, name }))
  })
}

/** The function, method, class or constant that a line belongs to; null for the comment that the file opens with. */
export function ownerOf(lines: readonly string[], at: number): string | null {
  const isComment = (line: string | undefined): boolean => line !== undefined && /^\s*(\/\/|\/\*|\*)/.test(line)
  let line = at
  while (isComment(lines[line])) line++ // a comment is its next line's
  let top = line
  while (top > 0 && !/^[a-z]/i.test(lines[top]!)) top--
  const outer = /^(?:export )?(?:default )?(?:async )?(function\*?|class|interface|const|let|type) (\w+)/.exec(lines[top] ?? '')
  if (outer === null) return isComment(lines[top]) || lines[top]?.startsWith('import ') ? null : (/^\w+/.exec(lines[top] ?? '')?.[0] ?? null)
  if (outer[1] !== 'class') return outer[2]!
  for (let i = line; i > top; i--) {
    const member = /^ {2}(?:(?:static|async|readonly|override|private|get|set) )*\*?(#?\w+)\s*[(:?=!<;]/.exec(lines[i]!)
    if (member !== null) return member[1]!
  }
  return outer[2]!
}

// ---- what is wrong, and the table

export function problemsOf({ statements, source, tests }: Coverage): string[] {
  const problems: string[] = []
  const known = new Set<string>()
  for (const { tag } of statements) {
    if (known.has(tag)) problems.push(`${tag} stands in the list twice`)
    known.add(tag)
  }
  for (const { tag, where } of [...source, ...tests]) if (!known.has(tag)) problems.push(`${where}: [${tag}] is no statement of the list`)
  for (const { tag, duty, reason } of statements) {
    const wire = tests.some((place) => place.tag === tag && place.where.startsWith('test/wire/'))
    if (!wire && reason === null) problems.push(`${tag} (${duty}) has neither a test in test/wire nor a reason`)
    if (wire && reason !== null) problems.push(`${tag} has a test, and a reason to have none`)
    if (wire && !source.some((place) => place.tag === tag && place.name !== null)) problems.push(`${tag} has a test, but no line of source says that it obeys`)
  }
  return problems
}

export function tableOf({ statements, source, tests }: Coverage): string {
  const tested = statements.filter(({ reason }) => reason === null).length
  const lines = [
    '# Statements of MQTT 5.0 and 3.1.1, where they are obeyed, and what tests them',
    '',
    'Written by `npm run coverage` from `statements.ts` and the tags in source and test titles. Duty: S server, C client (as far as a server has to',
    'check it), B both. 3.1.1: the number there; statements that only 3.1.1 makes, or makes differently, are those with MQTT3.',
    '',
    `${statements.length} statements: ${tested} have a test here, ${statements.length - tested} a reason why not.`,
    '',
    '| statement | duty | 3.1.1 | what | source | tests |',
    '|---|---|---|---|---|---|',
  ]
  for (const { tag, duty, in311, text, reason } of statements) {
    const where = named(source, tag)
    const proof = reason === null ? named(tests, tag) : `none: ${reason}`
    lines.push(`| ${tag} | ${duty} | ${in311} | ${text} | ${where} | ${proof} |`)
  }
  return `${lines.join('\n')}\n`
}

/** The places of a tag, each once: how often would change with every test. */
function named(places: readonly Place[], tag: string): string {
  const names = places.filter((place) => place.tag === tag && place.name !== null).map((place) => place.name)
  return [...new Set(names)].join(', ')
}

if (import.meta.main) {
  const coverage = readCoverage()
  writeFileSync(TABLE, tableOf(coverage))
  const problems = problemsOf(coverage)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
