// What makes a shell complete the command line, of the table in catalogue.ts. The scripts ask nothing of the gateway and start no program: a key that is
// pressed must not wait. They need no package beside the shell. Pure.
import { type Command, COMMANDS, formOf, kindOf, type Kind, type OptionName, OPTIONS, optionsOf } from './catalogue.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell): string {
  return { bash, zsh, fish }[shell]()
}

const NAMES = COMMANDS.map(({ name }) => name)

function namesOf(command: Command): readonly OptionName[] {
  return [...optionsOf(command).map(([name]) => name), 'help']
}

// ---- bash

function bash(): string {
  const values = (Object.keys(OPTIONS) as OptionName[]).flatMap((name) => {
    const kind = kindOf(name)
    return kind === null ? [] : [`    ${[`--${name}`, ...shortOf(name).map((short) => `-${short}`)].join('|')}) ${bashKind(kind)}; return ;;`]
  })
  const takers = (Object.keys(OPTIONS) as OptionName[]).filter((name) => kindOf(name) !== null).flatMap((name) => [`--${name}`, ...shortOf(name).map((short) => `-${short}`)])
  const options = COMMANDS.map((command) => `      ${command.name}) words='${namesOf(command).map((name) => `--${name}`).join(' ')}' ;;`)
  const places = COMMANDS.flatMap(({ name, places: kinds = [] }) => kinds.map((kind, i) => `    ${i === kinds.length - 1 ? `${name}:*` : `${name}:${i + 1}`}) ${bashKind(kind)} ;;`))
  return `# Completion of sandpiper for bash, made by: sandpiper completion bash
_sandpiper_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_sandpiper_files() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen "$1" -- "$cur"); }
_sandpiper() {
  local cur=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= words= place=0 i
  COMPREPLY=()
  case $before in
${values.join('\n')}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${takers.join('|')}) ((i++)) ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=\${COMP_WORDS[i]}; else ((place++)); fi ;;
    esac
  done
  if [[ $cur == -* ]]; then
    case $command in
      '') words='--help --version' ;;
${options.join('\n')}
    esac
    _sandpiper_words "$words"
    return
  fi
  case $command:$((place + 1)) in
    :*|help:1) _sandpiper_words '${NAMES.join(' ')}' ;;
${places.join('\n')}
  esac
}
complete -F _sandpiper sandpiper
`
}

function shortOf(name: OptionName): readonly string[] {
  const { short } = formOf(name)
  return short === undefined ? [] : [short]
}

function bashKind(kind: Kind): string {
  if (kind === 'file') return '_sandpiper_files -f'
  if (kind === 'folder') return '_sandpiper_files -d'
  return kind === 'text' ? ':' : `_sandpiper_words '${kind.join(' ')}'`
}

// ---- zsh

function zsh(): string {
  const cases = COMMANDS.map((command) => {
    const { name, places = [] } = command
    const options = optionsOf(command).map(([option, what]) => zshOption(option, what))
    const kinds = places.map((kind, i) => `'${i === places.length - 1 ? '*' : i + 1}::${zshKind(kind)}'`)
    return `    ${name}) _arguments '(- *)'{-h,--help}'[this]' ${[...options, ...(name === 'help' ? ["'1::command:_sandpiper_commands'"] : kinds)].join(' ')} ;;`
  })
  return `#compdef sandpiper
# Completion of sandpiper for zsh, made by: sandpiper completion zsh
_sandpiper_commands() {
  local -a commands=(
${COMMANDS.map(({ name, forms }) => `    '${name}:${zshText(forms[0]!.what)}'`).join('\n')}
  )
  _describe command commands
}
_sandpiper() {
  local curcontext=$curcontext state line
  _arguments -C '(- *)'{-h,--help}'[the commands]' '(- *)--version[which version]' '1:command:_sandpiper_commands' '*::argument:->argument'
  [[ $state == argument ]] || return 0
  case $line[1] in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _sandpiper ]]; then _sandpiper "$@"; else compdef _sandpiper sandpiper; fi
`
}

function zshOption(name: OptionName, what: string): string {
  const kind = kindOf(name)
  const { value: called = '', multiple = false } = formOf(name)
  const value = kind === null ? '' : `:${called}:${zshKind(kind).replace(/^[^:]*:/, '')}`
  return `'${multiple ? '*' : ''}--${name}[${zshText(what)}]${value}'`
}

function zshKind(kind: Kind): string {
  if (kind === 'file') return 'file:_files'
  if (kind === 'folder') return 'folder:_files -/'
  return kind === 'text' ? 'text: ' : `word:(${kind.join(' ')})`
}

/** Between single quotes, as part of a specification. */
function zshText(text: string): string {
  return text.replaceAll(/[\\[\]:]/g, String.raw`\$&`).replaceAll("'", String.raw`'\''`)
}

// ---- fish

function fish(): string {
  const none = `not __fish_seen_subcommand_from ${NAMES.join(' ')}`
  const lines = COMMANDS.flatMap((command) => {
    const { name, forms, places = [] } = command
    const here = `__fish_seen_subcommand_from ${name}`
    const first = places[0]
    return [
      `complete -c sandpiper -n ${fishText(none)} -a ${name} -d ${fishText(forms[0]!.what)}`,
      ...optionsOf(command).map(([option, what]) => `complete -c sandpiper -n ${fishText(here)} -l ${option}${shortOf(option).map((short) => ` -s ${short}`).join('')}${fishKind(kindOf(option))} -d ${fishText(what)}`),
      ...(first === undefined || typeof first === 'string' ? [] : [`complete -c sandpiper -n ${fishText(`${here}; and not __fish_seen_subcommand_from ${first.join(' ')}`)} -a ${fishText(first.join(' '))}`]),
      ...(places.includes('file') ? [`complete -c sandpiper -n ${fishText(here)} -F`] : []),
    ]
  })
  return `# Completion of sandpiper for fish, made by: sandpiper completion fish
complete -c sandpiper -f
complete -c sandpiper -n ${fishText(none)} -l version -d 'which version'
complete -c sandpiper -s h -l help -d 'the commands, or all of one'
complete -c sandpiper -n '__fish_seen_subcommand_from help' -a ${fishText(NAMES.join(' '))}
${lines.join('\n')}
`
}

function fishKind(kind: Kind | null): string {
  if (kind === null) return ''
  if (kind === 'file') return ' -r -F'
  if (kind === 'folder') return " -x -a '(__fish_complete_directories)'"
  return kind === 'text' ? ' -x' : ` -x -a ${fishText(kind.join(' '))}`
}

function fishText(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
}
