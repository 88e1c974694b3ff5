// The reference as Markdown: a chapter for each section, a list of its keys, examples.
import type { Example } from './examples.ts'
import type { Key } from './reference.ts'
import { wordsOf } from './text.ts'

export function markdown(sections: readonly Key[], examplesOf: (section: string) => readonly Example[]): string {
  const contents = sections.map(({ name, description }) => `- [\`${name}\`](#${name.toLowerCase()}): ${escaped(description)}`)
  return `# gateway.yaml\n\n${contents.join('\n')}\n\n${sections.map((key) => chapter(key, examplesOf(key.name))).join('\n')}`
}

export function chapter(key: Key, examples: readonly Example[]): string {
  const lines = [`## ${key.name}`, '', escaped(key.description), '', `${escaped(wordsOf(key))}.`, '', ...below(key, '')]
  for (const { title, yaml } of examples) lines.push('', `${title}:`, '', '```yaml', yaml, '```')
  return `${lines.join('\n')}\n`
}

function below({ keys, kinds }: Key, indent: string): string[] {
  const items = keys.flatMap((key) => item(key, indent))
  return [...items, ...kinds.flatMap(({ name, keys: own }) => [`${indent}- with \`${name}\`:`, ...own.flatMap((key) => item(key, `${indent}  `))])]
}

function item(key: Key, indent: string): string[] {
  return [`${indent}- \`${key.name}\`: ${escaped(wordsOf(key))}. ${escaped(key.description)}`.trimEnd(), ...below(key, `${indent}  `)]
}

/** What Markdown would take for its own. */
function escaped(text: string): string {
  return text.replaceAll(/`[^`]*`|[<>*_|[\]]/g, (found) => (found.startsWith('`') ? found : `\\${found}`))
}
