// gateway.yaml for many: `{{column}}` stands for the value of that column in a gateway's line.
//
// What is always true: a value is a value. Where `{{column}}` is all there is at its place, the value is written as quoted text, whatever is in it;
// inside other text only characters that mean nothing to YAML are put in. So no password can break a file, or add a key to it.
import { ProvisionError, type Row, type Table } from './table.ts'

const PLACE = /\{\{\s*([A-Za-z][A-Za-z0-9_.-]*)\s*\}\}/g
/** Means nothing in plain and quoted text. */
const HARMLESS = /^[A-Za-z0-9._/+@-]*$/
/** All of what stands after `key:`, `-`, `,`, `[` or `{`, up to the end of it. */
const ALONE_BEFORE = /(?:^|[:,[{-])\s+$|[[{,]$|^$/
const ALONE_AFTER = /^\s*(?:$|[,\]}]|\s#)/

/** Columns that the template names. Throws ProvisionError for those that the table does not have. */
export function columnsOf(template: string, { columns }: Table): ReadonlySet<string> {
  const wanted = new Set([...template.matchAll(PLACE)].map((match) => match[1]!))
  const unknown = [...wanted].filter((column) => !columns.includes(column))
  if (unknown.length > 0) throw new ProvisionError(`the template asks for ${unknown.map((column) => `{{${column}}}`).join(', ')}, and the table has ${columns.join(', ')}`)
  return wanted
}

/** Throws ProvisionError for a value that cannot stand where the template wants it. */
export function fill(template: string, row: Row): string {
  return template
    .split('\n')
    .map((line, i) => fillLine(line, i + 1, row))
    .join('\n')
}

function fillLine(line: string, number: number, row: Row): string {
  return line.replaceAll(PLACE, (place: string, column: string, at: number) => {
    const value = row.values.get(column) ?? ''
    if (line.slice(0, at).trimStart().startsWith('#')) return value.replaceAll(/\s+/g, ' ')
    if (ALONE_BEFORE.test(line.slice(0, at)) && ALONE_AFTER.test(line.slice(at + place.length))) return quoted(value)
    if (HARMLESS.test(value) && value !== '') return value
    throw new ProvisionError(`line ${row.line} of the table: "${column}" of ${row.site} has characters that cannot stand inside other text (line ${number} of the template): let {{${column}}} be the whole value there`)
  })
}

/** A double-quoted scalar of YAML: JSON's text is one. */
function quoted(value: string): string {
  return JSON.stringify(value).replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
