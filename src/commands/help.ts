// What a person is told of the commands: all of them in a line or two each, or everything of one. Pure.
import { type Command, COMMANDS, type OptionName, optionsOf, optionText } from './catalogue.ts'

const TITLE = 'sandpiper: MQTT broker, sensors and store-and-forward for places with a bad link'
/** A form that is wider gets a line of its own. */
const FORM_CHARS = 38
const LINE_CHARS = 150

export function helpText(): string {
  const rows = COMMANDS.flatMap(({ name, forms }) => forms.map(({ words, what }) => row([name, words].filter((part) => part !== '').join(' '), what)))
  return `${TITLE}\n\n${rows.join('')}${row('--version', '')}\n\`sandpiper COMMAND --help\` has the options of a command, and examples.\n`
}

export function commandHelp(command: Command): string {
  const { name, forms, notes = [], examples } = command
  const options: readonly (readonly [OptionName, string])[] = [...optionsOf(command), ['help', 'this']]
  const width = Math.max(...options.map(([option]) => optionText(option).length)) + 2
  const usage = forms.map(({ words, what }) => `sandpiper ${[name, words, name === 'help' ? '' : '[OPTIONS]'].filter((part) => part !== '').join(' ')}\n${wrapped(what, '    ')}`)
  return [
    usage.join(''),
    ...notes.map((note) => `\n${wrapped(note, '')}`),
    `\nOptions\n${options.map(([option, what]) => `  ${optionText(option).padEnd(width)}${wrapped(what, ' '.repeat(width + 2)).trimStart()}`).join('')}`,
    `\n${examples.length === 1 ? 'Example' : 'Examples'}\n${exampleRows(examples)}`,
  ].join('')
}

function exampleRows(examples: Command['examples']): string {
  const width = Math.max(...examples.map(([line]) => line.length))
  return examples.map(([line, what]) => `  ${what === '' ? line : `${line.padEnd(width)}   # ${what}`}\n`).join('')
}

/** Why these options do not go with the command, in a sentence; null when they do. */
export function strayOption(command: Command, given: readonly string[]): string | null {
  const known = optionsOf(command).map(([name]) => name)
  const stray = given.find((name) => name !== 'help' && !(known as readonly string[]).includes(name))
  if (stray === undefined) return null
  const list = known.map((name) => `--${name}`).join(', ')
  return `${command.name} takes no --${stray}: ${list === '' ? 'it takes none' : `it takes ${list}`}`
}

function row(form: string, what: string): string {
  const left = `  sandpiper ${form}`
  const indent = ' '.repeat(FORM_CHARS + 2)
  if (what === '') return `${left}\n`
  return left.length <= FORM_CHARS ? `${left.padEnd(FORM_CHARS + 2)}${wrapped(what, indent).trimStart()}` : `${left}\n${wrapped(what, indent)}`
}

/** Lines that end at a blank, each behind the indent. */
function wrapped(text: string, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > LINE_CHARS) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => `${indent}${one}\n`).join('')
}
