// YAML text → a tree of plain positioned values. The only importer of the `yaml` package.
//
// The tree is what the checks walk: maps with text keys, lists and scalars, each with its offset in the text. Aliases are
// already followed (a shared subtree is the same object, so a bomb of aliases costs nothing here), duplicate keys are
// reported with the line of the first. Whatever is wrong is a Mistake; nothing throws.
import { isAlias, isMap, isScalar, isSeq, Lexer, parseDocument, visit, type Document, type YAMLError } from 'yaml'
import { Lines } from './lines.ts'

export type Tree = MapTree | ListTree | ScalarTree

export interface MapTree {
  readonly kind: 'map'
  readonly start: number
  readonly entries: ReadonlyMap<string, { readonly keyStart: number; readonly value: Tree }>
}

export interface ListTree {
  readonly kind: 'list'
  readonly start: number
  readonly items: readonly Tree[]
}

export interface ScalarTree {
  readonly kind: 'scalar'
  readonly start: number
  readonly value: string | number | boolean | null
  /** As it was written: `0123` is the number 123. */
  readonly source: string
}

export interface Mistake {
  readonly start: number
  readonly message: string
  readonly hint: string
}

export interface Parsed {
  /** null when the text holds nothing but blanks and comments. */
  readonly tree: Tree | null
  readonly mistakes: readonly Mistake[]
  /** The text is not YAML; the tree is what could be saved of it. */
  readonly broken: boolean
}

const ALIASES_MAX = 1000 // each may stand for a whole sensor; beyond that the file is an attack or an accident
const DEPTH_MAX = 32 // the schema is 6 deep

const QUOTE = 'put quotes around text that holds { } [ ] , # : or starts with @ ` * & ! % |'

// What the library calls its errors, in words for the person at the keyboard.
const SYNTAX: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  TAB_AS_INDENT: ['a tab is used for indentation', 'indent with spaces: YAML does not allow tabs there'],
  BAD_INDENT: ['the indentation does not fit the lines above, or a { or [ is not closed', 'keys of one group start in the same column; close every { and ['],
  BAD_DQ_ESCAPE: ['unknown escape in double quotes', "use single quotes: '\\d+' keeps its backslash; in double quotes write \\\\"],
  BAD_SCALAR_START: ['a value cannot start with this character', QUOTE],
  BAD_ALIAS: ['* is not followed by the name of an anchor', QUOTE],
  MISSING_CHAR: ['something is missing here: a closing quote, a colon, a comma or a blank', 'close every quote with the one it was opened with, and write `key: value` with a blank after the colon'],
  MULTIPLE_DOCS: ['a second document starts here', 'remove the line with ---: the file is one document'],
  MULTILINE_IMPLICIT_KEY: ['a `key: value` is broken here', 'write `key: value` with a blank after the colon, each on a line of its own'],
  BLOCK_AS_IMPLICIT_KEY: ['a group of keys starts inside a line', 'one `key: value` on a line; ' + QUOTE],
  TAG_RESOLVE_FAILED: ['tags (!name) mean nothing here', 'remove it; ' + QUOTE],
}
const SYNTAX_OTHER = ['this is not valid YAML', `one \`key: value\` on a line, groups indented by two spaces; ${QUOTE}`] as const

/** Far more than a file can mean that only mentions brackets in texts and comments. */
const OPEN_MAX = 5000

export function parseYaml(text: string): Parsed {
  // A megabyte of brackets would keep the parser busy for a minute on a small board, only to end its stack.
  if (opensTooMuch(text)) return tooDeep()
  let document: Document
  try {
    // uniqueKeys compares every key with every other: 100,000 keys would take minutes. convert() uses a map.
    document = parseDocument(text, { prettyErrors: false, strict: true, uniqueKeys: false, version: '1.2', schema: 'core' })
  } catch (error) {
    // The parser recurses; thousands of open brackets end its stack.
    if (error instanceof RangeError) return tooDeep()
    const message = `this is not valid YAML (${String(error)})`
    return { tree: null, mistakes: [{ start: 0, message, hint: SYNTAX_OTHER[1] }], broken: true }
  }
  const syntax = firstOfEachLine([...document.errors, ...document.warnings], new Lines(text)).map((error) => syntaxMistake(document, error))
  const conversion = new Conversion(text)
  const tree = document.contents === null ? null : conversion.convert(document.contents, 0, 0)
  return { tree, mistakes: [...syntax, ...conversion.mistakes], broken: syntax.length > 0 || conversion.broken }
}

function tooDeep(): Parsed {
  return { tree: null, mistakes: [{ start: 0, message: 'the file is nested too deeply', hint: SYNTAX_OTHER[1] }], broken: true }
}

function opensTooMuch(text: string): boolean {
  let open = 0
  for (let i = 0; i < text.length && open <= OPEN_MAX; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x5b || c === 0x7b) open++
    else if (c === 0x5d || c === 0x7d) open--
  }
  return open > OPEN_MAX
}

// One mistake makes others behind it, on its line and further down; ten lines are enough to start with.
const SYNTAX_LINES_MAX = 10

function firstOfEachLine(errors: readonly YAMLError[], lines: Lines): readonly YAMLError[] {
  const first = new Map<number, YAMLError>()
  for (const error of errors.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    const { line } = lines.at(error.pos[0])
    if (!first.has(line)) first.set(line, error)
    if (first.size === SYNTAX_LINES_MAX) break
  }
  return [...first.values()]
}

function syntaxMistake(document: Document, error: YAMLError): Mistake {
  const [message, hint] = SYNTAX[error.code] ?? SYNTAX_OTHER
  let start = error.pos[0]
  if (error.code === 'MISSING_CHAR' && error.message.includes('quote')) {
    // The library points at the end of the text; the quote that was never closed is what has to be found.
    visit(document, {
      Scalar(_, node) {
        if (node.type?.startsWith('QUOTE') === true && (node.range?.[0] ?? Infinity) <= error.pos[0]) start = node.range![0]
      },
    })
    return { start, message: 'this quote is never closed', hint }
  }
  return { start, message, hint }
}

class Conversion {
  readonly mistakes: Mistake[] = []
  broken = false
  #aliases = 0
  readonly #anchors = new Map<string, Tree>()
  readonly #lines: Lines

  constructor(text: string) {
    this.#lines = new Lines(text)
  }

  convert(node: unknown, start: number, depth: number): Tree {
    if (isAlias(node)) return this.#follow(node.source, node.range?.[0] ?? start)
    const tree = this.#plain(node, start, depth)
    // Anchors are known from here on: an alias means the last one before it, and never itself.
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) this.#anchors.set(node.anchor, tree)
    return tree
  }

  #plain(node: unknown, start: number, depth: number): Tree {
    if (depth > DEPTH_MAX) return this.#refuse(start, 'the file is nested too deeply', 'nothing here is deeper than six levels')
    if (isMap(node)) {
      const at = node.range?.[0] ?? start
      const entries = new Map<string, { keyStart: number; value: Tree }>()
      for (const pair of node.items) {
        if (!isScalar(pair.key)) {
          this.#refuse(at, 'a key must be text', QUOTE)
          continue
        }
        const key = String(pair.key.value)
        const keyStart = pair.key.range?.[0] ?? at
        const value = this.convert(pair.value, pair.key.range?.[2] ?? keyStart, depth + 1)
        const first = entries.get(key)
        if (first === undefined) entries.set(key, { keyStart, value })
        else this.#duplicate(key, keyStart, first.keyStart)
      }
      return { kind: 'map', start: at, entries }
    }
    if (isSeq(node)) {
      const at = node.range?.[0] ?? start
      return { kind: 'list', start: at, items: node.items.map((item) => this.convert(item, at, depth + 1)) }
    }
    if (!isScalar(node)) return nothing(start)
    const { value } = node
    const known = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
    return { kind: 'scalar', start: node.range?.[0] ?? start, value: known, source: node.source ?? String(value ?? '') }
  }

  #follow(name: string, start: number): Tree {
    if (++this.#aliases > ALIASES_MAX) {
      // One report, not one for each of the rest.
      if (this.#aliases === ALIASES_MAX + 1) this.#refuse(start, `more than ${ALIASES_MAX} aliases (*name)`, 'write the values out')
      return nothing(start)
    }
    return this.#anchors.get(name) ?? this.#refuse(start, `*${name} refers to nothing above it`, `mark a value above with &${name}, or put quotes around the text`)
  }

  #duplicate(key: string, keyStart: number, firstStart: number): void {
    const { line } = this.#lines.at(firstStart)
    this.mistakes.push({ start: keyStart, message: `\`${key}\` is given twice: first on line ${line}`, hint: 'keep one of them' })
  }

  #refuse(start: number, message: string, hint: string): Tree {
    this.broken = true
    this.mistakes.push({ start, message, hint })
    return nothing(start)
  }
}

export interface Span {
  readonly start: number
  /** Behind its last character. */
  readonly end: number
}

/** A scalar as it stands in a text, and what it means. */
export interface ScalarSpan extends Span {
  readonly value: unknown
}

/** Every scalar of a text, keys among them, in its order; each once, however many aliases it has. */
export function scalarSpans(text: string): readonly ScalarSpan[] {
  const found: ScalarSpan[] = []
  visit(parseDocument(text, { prettyErrors: false, uniqueKeys: false, version: '1.2', schema: 'core' }), {
    Scalar(_, { range, value }) {
      if (range) found.push({ start: range[0], end: range[1], value })
    },
  })
  return found.toSorted((a, b) => a.start - b.start)
}

/** Where a scalar that begins at `start` ends; null when none does. */
export function scalarEnd(text: string, start: number): number | null {
  return scalarSpans(text).find((scalar) => scalar.start === start)?.end ?? null
}

/** Marks of the lexer that are no characters of the text: a document, a scalar, an error in braces. */
const MARKS = ['\u0002', '\u001F', '\u0018']

/** From the # to the end of the line. */
export function commentSpans(text: string): readonly Span[] {
  const spans: Span[] = []
  let at = 0
  let isScalarNext = false
  for (const token of new Lexer().lex(text)) {
    if (MARKS.includes(token)) {
      isScalarNext = token === '\u001F'
      continue
    }
    if (!isScalarNext && token.startsWith('#')) spans.push({ start: at, end: at + token.length })
    isScalarNext = false
    at += token.length
  }
  return spans
}

function nothing(start: number): ScalarTree {
  return { kind: 'scalar', start, value: null, source: '' }
}

/** A default as it would be written in the file, placed at `start`: defaults go through the same checks. */
export function treeOf(plain: unknown, start: number): Tree {
  if (Array.isArray(plain)) return { kind: 'list', start, items: plain.map((item) => treeOf(item, start)) }
  if (typeof plain === 'object' && plain !== null) {
    const entries = new Map(Object.entries(plain).map(([key, value]) => [key, { keyStart: start, value: treeOf(value, start) }]))
    return { kind: 'map', start, entries }
  }
  if (typeof plain === 'string' || typeof plain === 'number' || typeof plain === 'boolean') return { kind: 'scalar', start, value: plain, source: String(plain) }
  return nothing(start)
}
