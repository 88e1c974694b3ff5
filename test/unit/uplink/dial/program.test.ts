// Programs that dial, real ones: what they may see, what is kept of what they say, and how they end.
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DialBed, lives } from '../../../support/dial-bed.ts'
import { settle } from '../../../support/fake-clock.ts'
import { until } from '../../../support/until.ts'

const sh = (text: string): readonly string[] => ['sh', '-c', text]

async function output(bed: DialBed, argv: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  await bed.run(argv, (line) => void lines.push(line)).ended
  return lines
}

describe('starting', () => {
  test('no shell touches the arguments', async () => {
    await using bed = await DialBed.make()
    expect(await output(bed, ['printf', '%s\\n', '$HOME', '; exit 1', '*', 'a b'])).toEqual(['$HOME', '; exit 1', '*', 'a b'])
  })

  test('the environment has no secrets of ours, and a way to sbin', async () => {
    await using bed = await DialBed.make()
    Object.assign(bed.env, { PATH: '/bin', CLOUD_PASSWORD: 'hunter22', NOTIFY_SOCKET: '/run/systemd/notify', TZ: 'Europe/Berlin' })
    const seen = await output(bed, ['env'])
    expect(seen.filter((line) => /hunter22|NOTIFY/.test(line))).toEqual([])
    expect(seen).toContain('TZ=Europe/Berlin')
    expect(seen.find((line) => line.startsWith('PATH='))).toMatch(/^PATH=\/bin:.*:\/usr\/sbin:/)
  })

  test('the working directory is none that could be removed', async () => {
    await using bed = await DialBed.make()
    expect(await output(bed, ['pwd'])).toEqual(['/'])
  })

  test('what cannot start says so as an ending', async () => {
    await using bed = await DialBed.make()
    await writeFile(join(bed.folder, 'notes'), 'not a program', { mode: 0o600 })
    expect(await bed.run(['no-such-program']).ended).toEqual({ kind: 'not-started', code: 'ENOENT' })
    expect(await bed.run([join(bed.folder, 'notes')]).ended).toEqual({ kind: 'not-started', code: 'EACCES' })
    expect(await bed.run(['true', 'x'.repeat(200_000)]).ended).toEqual({ kind: 'not-started', code: 'E2BIG' })
  })
})

describe('what it says', () => {
  test('the last lines of both streams are kept, cleaned of control characters', async () => {
    await using bed = await DialBed.make()
    const program = bed.run(sh('for i in 1 2 3 4 5; do echo line $i; done; printf "\\033[31mred\\033[0m\\n\\n" >&2; exit 3'))
    expect(await program.ended).toEqual({ kind: 'exited', code: 3 })
    expect(program.lastWords).toContain('[31mred')
    expect(program.lastWords).not.toContain('\u001b')
    expect(program.lastWords.split(' / ')).toHaveLength(3)
  })

  test('a line without end is cut, and the end of it counts when the program has ended', async () => {
    await using bed = await DialBed.make()
    const program = bed.run(sh('head -c 3000000 /dev/zero | tr "\\0" x'))
    await bed.untilMoved(() => program.lastWords !== '', 'the line to be given away')
    expect(program.lastWords.length).toBeLessThan(300)
  })

  test('a flood is read a portion at a time', async () => {
    await using bed = await DialBed.make()
    let count = 0
    const program = bed.run(['yes'], () => void count++)
    await until(() => count > 0, 'the first portion')
    for (let turn = 0; turn < 200; turn++) await settle()
    const portion = count
    expect(portion).toBeLessThanOrEqual(65_536) // "y\n": what one reading brings at most, twice
    await bed.clock.advanceAsync(250)
    await until(() => count > portion, 'the next portion')
    expect(lives(program.pid!)).toBe(true)
  })

  test.each([
    ['password=hunter22', 'password=…'],
    ['sending AT+CPIN="1234"', 'sending AT+CPIN=…'],
    ["user 'me' Passwd: 'a b c' given", "user 'me' Passwd: … given"],
    ['connect to https://me:hunter22@portal/', 'connect to https://me:…@portal/'],
    ['send (hunter22^M)', 'send (…)'],
    ['SIM PIN required', 'SIM PIN required'],
  ])('secrets are not repeated: %s', async (said, shown) => {
    await using bed = await DialBed.make()
    expect(await output(bed, ['printf', '%s\\n', said])).toEqual([shown])
  })

  test('secrets of the command line are not repeated', async () => {
    await using bed = await DialBed.make()
    await bed.script('login', 'echo "trying $2 and $3 as $1"')
    const program = bed.run(['login', 'admin', '--password', 'hunter22'])
    await program.ended
    expect(program.lastWords).toBe(' (it said: trying --password and … as admin)')
    expect(await output(bed, ['printf', '%s\\n', 'token=abcdef', 'abcdef!'])).toEqual(['token=…', '…!'])
    expect(bed.debugged.join()).not.toMatch(/hunter22|abcdef/)
  })

  test('the log is given the first lines only', async () => {
    await using bed = await DialBed.make()
    await bed.run(['seq', '1000']).ended
    expect(bed.debugged).toHaveLength(100)
  })
})

describe('ending', () => {
  test('a crash is an ending', async () => {
    await using bed = await DialBed.make()
    expect(await bed.run(sh('kill -SEGV $$')).ended).toEqual({ kind: 'killed', signal: 'SIGSEGV' })
  })

  test('all that it has started ends with it', async () => {
    await using bed = await DialBed.make()
    const program = bed.run(sh(`sleep 1000 & echo $! > ${bed.folder}/child; sleep 1000`))
    const child = await bed.pid('child')
    await bed.moved(program.end())
    expect([program.pid!, child].filter(lives)).toEqual([])
    expect(bed.warnings).toEqual([])
  })

  test('what it leaves behind ends too, and its own end does not wait for that', async () => {
    await using bed = await DialBed.make()
    const program = bed.run(sh(`sleep 1000 & echo $! > ${bed.folder}/child`))
    const child = await bed.pid('child')
    let ending: unknown = null
    void program.ended.then((e) => (ending = e))
    await bed.untilMoved(() => ending, 'the program to end, although its pipes are held open')
    expect(ending).toEqual({ kind: 'exited', code: 0 })
    expect(lives(child)).toBe(true)
    await bed.moved(program.end())
    expect(lives(child)).toBe(false)
  })

  test('one that does not listen is killed, after a while', async () => {
    await using bed = await DialBed.make()
    const program = bed.run(sh(`trap "" TERM; echo $$ > ${bed.folder}/ready; while :; do sleep 1; done`))
    await bed.pid('ready')
    let ended = false
    void program.end().then(() => (ended = true))
    await bed.clock.advanceAsync(14_900)
    expect([ended, lives(program.pid!)]).toEqual([false, true])
    await bed.clock.advanceAsync(200)
    expect(await program.ended).toEqual({ kind: 'killed', signal: 'SIGKILL' })
    await bed.untilMoved(() => ended, 'the group to be gone')
    expect(lives(program.pid!)).toBe(false)
  })

  test('others are left alone: one that has made itself independent lives on', async () => {
    await using bed = await DialBed.make()
    const program = bed.run(sh(`setsid sleep 1000 & echo $! > ${bed.folder}/other; sleep 1000`))
    const other = await bed.pid('other')
    // The shell's child becomes the leader of a session of its own only when setsid has run.
    await until(() => groupOf(other) !== groupOf(program.pid!), 'the other to leave the group')
    await bed.moved(program.end())
    expect([lives(program.pid!), lives(other)]).toEqual([false, true])
    process.kill(other, 'SIGKILL')
  })

  test('twice is once, and of one that never started nothing is left to end', async () => {
    await using bed = await DialBed.make()
    const program = bed.run(['sleep', '1000'])
    await Promise.all([program.end(), program.end()])
    await bed.run(['no-such-program']).end()
    await until(() => bed.clock.pending === 0, 'every timer to be taken back')
  })
})

function groupOf(pid: number): string | undefined {
  // proc_pid_stat(5): the name, in parentheses, may hold blanks; state, parent and process group follow it.
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[2]
}
