// One table makes the help, what is refused and what shells complete. The shells are asked themselves, as far as they are on this machine.
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandNamed, COMMANDS, OPTIONS, optionsOf } from '../../../src/commands/catalogue.ts'
import { completionScript, type Shell, SHELLS } from '../../../src/commands/completion.ts'
import { commandHelp, helpText, strayOption } from '../../../src/commands/help.ts'

const PROJECT = join(import.meta.dirname, '../../..')
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-completion-'))
  mkdirSync(join(folder, 'site one'))
  writeFileSync(join(folder, 'gateway.yaml'), '')
  for (const shell of SHELLS) writeFileSync(join(folder, `sandpiper.${shell}`), completionScript(shell))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('help', () => {
  test('has every form of every command, in lines of 150 characters at most', () => {
    const text = helpText()
    for (const { name, forms } of COMMANDS) for (const { words } of forms) expect(text).toContain(`  sandpiper ${[name, words].filter((part) => part !== '').join(' ')}`)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(150)
  })

  test('of one command: forms, options in its own words, examples', () => {
    expect(commandHelp(commandNamed('queue')!)).toBe(`sandpiper queue client CLIENT-ID | uplink NAME [OPTIONS]
    what waits, oldest first

Options
  --socket FILE      the gateway’s socket; without it that of the service, or ./data/api.sock
  -c, --config FILE  finds the socket of the gateway that runs with this configuration
  --state FOLDER     with --config: the state folder that the gateway was given
  --json             for programs: as the API has it
  --tenant NAME      in the space of this tenant
  --limit N          messages that are shown (20)
  --drop N           takes what waits away, N messages at most
  -h, --help         this

Examples
  sandpiper queue uplink cloud --limit 5    # the five oldest
  sandpiper queue client pump-7 --drop 12   # when no more than 12 wait
`)
  })

  test('every option belongs to a command, and every example is of its command and takes only its options', () => {
    const used = new Set(COMMANDS.flatMap((command) => optionsOf(command).map(([name]) => name)))
    expect(Object.keys(OPTIONS).filter((name) => !used.has(name as never))).toEqual(['help', 'version'])
    for (const command of COMMANDS) {
      expect(command.examples.length, command.name).toBeGreaterThan(0)
      for (const [line] of command.examples) {
        expect(line).toContain(`sandpiper ${command.name}`)
        const given = [...line.matchAll(/ --([a-z-]+)/g)].map(([, name]) => name!)
        expect(strayOption(command, given), line).toBeNull()
      }
    }
  })

  test('what the units start is in the table, with its options', () => {
    const units = globSync('systemd/**/*.{service,conf}', { cwd: PROJECT })
    const lines = units.flatMap((unit) => [...readFileSync(join(PROJECT, unit), 'utf8').matchAll(/^Exec\w+=\/usr\/bin\/sandpiper (.+)$/gm)].map(([, line]) => line!))
    expect(lines.length).toBeGreaterThan(4)
    for (const line of lines) {
      const command = commandNamed(line.split(' ')[0]!)
      expect(command, line).not.toBeNull()
      expect(strayOption(command!, [...line.matchAll(/ --([a-z-]+)/g)].map(([, name]) => name!)), line).toBeNull()
    }
  })

  test('an option of another command is refused, and those that it takes are named', () => {
    expect(strayOption(commandNamed('passwd')!, ['delete'])).toBeNull()
    expect(strayOption(commandNamed('passwd')!, ['json'])).toBe('passwd takes no --json: it takes --delete')
    expect(strayOption(commandNamed('default')!, ['config'])).toBe('default takes no --config: it takes none')
  })
})

/** What bash offers for the last word, sorted. */
function bash(...words: string[]): string[] {
  const script = `source ./sandpiper.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    complete -p sandpiper >&2 || exit 1
    _sandpiper; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script, 'bash', 'sandpiper', ...words], { cwd: folder, encoding: 'utf8' })
  expect({ stderr, status }).toEqual({ stderr: 'complete -F _sandpiper sandpiper\n', status: 0 })
  return stdout.split('\n').filter((line) => line !== '').toSorted()
}

describe('bash', () => {
  test.each<[words: string[], offered: string[]]>([
    [['s'], ['schema', 'sensors', 'status', 'sub', 'support']],
    [['--'], ['--help', '--version']],
    [['passwd', '--'], ['--delete', '--help']],
    [['queue', ''], ['client', 'uplink']],
    [['queue', '--limit', '5', 'c'], ['client']],
    [['uplink', 'cloud', ''], ['connect', 'drain', 'hold', 'none', 'pause']],
    [['update', 'ro'], ['rollback']],
    [['logs', '--level', 'w'], ['warn']],
    [['check', 'gate'], ['gateway.yaml']],
    [['check', '--config', 'gate'], ['gateway.yaml']],
    [['run', '-c', 'gate'], ['gateway.yaml']],
    [['run', '--state', 's'], ['site one']],
    [['help', 'doct'], ['doctor']],
    [['completion', ''], ['bash', 'fish', 'zsh']],
    [['pub', ''], []],
    [['nonsense', '--'], []],
  ])('%j', (words, offered) => {
    expect(bash(...words)).toEqual(offered)
  })

  test('offers every command, and of every command its options', () => {
    expect(bash('')).toEqual(COMMANDS.map(({ name }) => name).toSorted())
    const command = commandNamed('unpack')!
    expect(bash('unpack', '--')).toEqual([...optionsOf(command).map(([name]) => `--${name}`), '--help'].toSorted())
  })
})

describe('zsh and fish', () => {
  const isThere = (shell: Shell): boolean => spawnSync(shell, ['-c', 'true']).status === 0

  const without = (shell: Shell): string => (isThere(shell) ? '' : ` (skipped: apt-get install ${shell})`)

  test.skipIf(!isThere('zsh'))(`zsh takes the script${without('zsh')}`, () => {
    expect(execFileSync('zsh', ['-n', join(folder, 'sandpiper.zsh')], { encoding: 'utf8' })).toBe('')
  })

  test.skipIf(!isThere('fish'))(`fish completes commands${without('fish')}`, () => {
    const offered = execFileSync('fish', ['--no-config', '-c', `source ${join(folder, 'sandpiper.fish')}; complete -C 'sandpiper d'`], { encoding: 'utf8' })
    expect(offered.split('\n').map((line) => line.split('\t')[0])).toContain('doctor')
  })

  test.each(['zsh', 'fish'] as const)('%s: every command and option is in the script, and every quote is closed', (shell) => {
    const script = completionScript(shell)
    for (const command of COMMANDS) {
      expect(script).toContain(command.name)
      for (const [name] of optionsOf(command)) expect(script).toContain(shell === 'zsh' ? `--${name}[` : `-l ${name}`)
    }
    const quoted = shell === 'zsh' ? /'[^']*'|\\'/g : /'(?:\\.|[^'\\])*'/g
    expect(script.split('\n').filter((line) => !line.startsWith('#') && line.replaceAll(quoted, '').includes("'"))).toEqual([])
  })
})
