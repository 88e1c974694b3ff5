// A draft → the text of gateway.yaml, with where each part comes from, and what was left out as comments that only have to lose their #.
//
// Always true: a text in quotes or a plain word, never anything that YAML takes for something else; no comment ends before its line does.
import type { Draft, Item, Plain, Setting, UplinkItem } from './draft.ts'
import { written } from './draft.ts'
import { place, printable, sentenceOf, type Finding } from './findings.ts'

/** More would make the file longer than a configuration may be; the report has all. */
const FINDINGS_MAX = 200

export interface RenderOptions {
  /** The configuration it is made from, as the person knows it. */
  readonly from: string
  readonly findings: readonly Finding[]
  /** How an uplink refers to its password; null: it cannot, and the line is a comment. */
  readonly passwordFile: (uplinkName: string) => string | null
}

export function render(draft: Draft, options: RenderOptions): string {
  return `${[...head(options), '', `site: ${scalar(draft.site)} # unique among all your gateways`, ...broker(draft), ...access(draft), ...section(draft, 'store'), ...uplinks(draft, options), ...section(draft, 'log')].join('\n')}\n`
}

function head({ from, findings }: RenderOptions): string[] {
  const shown = findings.slice(0, FINDINGS_MAX).map((finding) => `#   ${sentenceOf(finding)}`)
  const more = findings.length - shown.length
  return [
    `# Made by \`sandpiper import ${printable(from)}\`.`,
    '# Behind one # further down is what was left out, ready to be used; behind two stands why.',
    ...(findings.length === 0 ? [] : ['#', '# What is not as it was there:']),
    ...shown,
    ...(more > 0 ? [`#   … and ${more} more, which import has printed`] : []),
  ]
}

function broker(draft: Draft): string[] {
  const lines = ['', 'broker:', written(draft.listeners).length === 0 ? '  listeners: [] # nobody can connect; take [] away with the # of one below' : '  listeners:']
  for (const item of draft.listeners) lines.push(...entry(item, '    ', block(item.value)))
  return [...lines, ...groups(draft.settings, 'broker')]
}

function access(draft: Draft): string[] {
  if (draft.access.length === 0) return []
  const lines = draft.access.flatMap((item) => {
    const line = `${block(item.value).join('')}${origin(item)}`
    return item.reasons.length === 0 ? [`  ${line}`] : [...left(item, '  '), `  # ${line}`]
  })
  return ['', written(draft.access).length === 0 ? '# access:' : 'access:', ...lines]
}

function section(draft: Draft, name: string): string[] {
  const lines = groups(draft.settings, name)
  return lines.length === 0 ? [] : ['', `${name}:`, ...lines]
}

function uplinks(draft: Draft, options: RenderOptions): string[] {
  if (draft.uplinks.length === 0) return []
  const lines = ['', written(draft.uplinks).length === 0 ? 'uplinks: []' : 'uplinks:']
  for (const uplink of draft.uplinks) lines.push(...entry(uplink, '  ', uplinkBlock(uplink, options)))
  return lines
}

function uplinkBlock(uplink: UplinkItem, { passwordFile }: RenderOptions): string[] {
  const lines = block(uplink.value)
  const file = uplink.password === null ? null : passwordFile(String(uplink.value['name']))
  if (file !== null) lines.push(`password: ${inline({ file })}`)
  else if (uplink.password !== null) lines.push('# password: { file: … } # write it to a file that only the gateway may read')
  lines.push('routes:')
  for (const route of uplink.routes) {
    if (route.reasons.length === 0) lines.push(`  - ${inline(route.value)}${origin(route)}`)
    else lines.push(...left(route, '  '), `  # - ${inline(route.value)}`)
  }
  return lines
}

/** One item of a list: in place, or as a comment with the reasons. One # is before what could be used, two before words. */
function entry(item: Item, indent: string, lines: readonly string[]): string[] {
  const listed = lines.map((line, i) => (i === 0 ? `- ${line}${origin(item)}` : `  ${line}`))
  if (item.reasons.length === 0) return listed.map((line) => indent + line)
  return [...left(item, indent), ...listed.map((line) => `${indent}# ${line}`)]
}

function left(item: Item, indent: string): string[] {
  return [`${indent}## Left out${item.line === null ? '' : `, ${place(item.line)}`}:`, ...item.reasons.map((reason) => `${indent}##   ${printable(reason, 300)}`)]
}

function origin({ line }: Item): string {
  return line === null ? '' : ` # ${place(line)}`
}

/** The settings of one section, those of a group together. */
function groups(settings: readonly Setting[], name: string): string[] {
  const lines: string[] = []
  const grouped = new Map<string, string[]>()
  for (const { path, value, line } of settings) {
    const [section, ...keys] = path.split('.')
    if (section !== name) continue
    const text = `${keys.at(-1)}: ${inline(value)} # ${place(line)}`
    if (keys.length === 1) lines.push(`  ${text}`)
    else grouped.set(keys[0]!, [...(grouped.get(keys[0]!) ?? []), `    ${text}`])
  }
  return [...lines, ...Array.from(grouped, ([group, inner]) => [`  ${group}:`, ...inner]).flat()]
}

function block(value: Readonly<Record<string, Plain>>): string[] {
  return Object.entries(value).map(([key, inner]) => `${key}: ${inline(inner)}`)
}

function inline(value: Plain): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (typeof value === 'object') return `{ ${Object.entries(value as Readonly<Record<string, Plain>>).map(([key, inner]) => `${key}: ${inline(inner)}`).join(', ')} }`
  return scalar(value as string | number | boolean)
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  const isPlain = /^([A-Za-z/.][A-Za-z0-9_./-]*|\d+(ms|s|m|h|d|B|kB|MB|GB)|\d{1,3}(\.\d{1,3}){3})$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n|\.\w+)$/i.test(value)
  return isPlain ? value : JSON.stringify(value)
}
