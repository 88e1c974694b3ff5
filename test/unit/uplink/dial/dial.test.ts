// The life of a line, dialled by real commands: up, down, lost, failed, and every order in which these can meet.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Dialler } from '../../../../src/uplink/dial/dial.ts'
import { DialBed, failure, lives } from '../../../support/dial-bed.ts'
import { endWithUs } from '../../../support/orphans.ts'
import { until } from '../../../support/until.ts'

const DIAL_LINE = join(import.meta.dirname, '../../../support/dial-line.ts')
const STAYS = 'echo $$ > "$FOLDER/pid"; echo READY=1; exec sleep 1000'

function losses(dialler: Dialler): string[] {
  const told: string[] = []
  dialler.onLost((why) => void told.push(why))
  return told
}

describe('a command that ends when the line is up', () => {
  test('dials, hangs up by its other command, and dials again', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'echo "up $*" >> "$FOLDER/calls"')
    await bed.script('down', 'echo "down $*" >> "$FOLDER/calls"')
    const dialler = bed.command(['up', 'a b', '$X'], { down: ['down', ''] })
    for (const round of [1, 2]) {
      expect(await dialler.dial()).toEqual({ interface: null })
      expect(bed.lines('calls')).toHaveLength(round * 2 - 1)
      await dialler.hangUp()
      expect(bed.lines('calls').slice(-2)).toEqual(['up a b $X', 'down '])
    }
    expect(bed.warnings).toEqual([])
    expect(bed.clock.pending).toBe(0)
  })

  test('what it leaves running is the line, and ends with it', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'sleep 1000 > /dev/null 2>&1 & echo $! > "$FOLDER/pid"')
    const dialler = bed.command(['up'])
    await dialler.dial()
    const pid = await bed.pid('pid')
    expect(lives(pid)).toBe(true)
    await bed.moved(dialler.hangUp())
    expect(lives(pid)).toBe(false)
  })

  test('with an interface it is up when that has an address, and lost when it has none', async () => {
    await using bed = await DialBed.make()
    await bed.script('down', 'echo down >> "$FOLDER/calls"')
    const dialler = bed.command(['true'], { down: ['down'], interface: 'wwan0' })
    const told = losses(dialler)
    let isUp = false
    const dialling = dialler.dial()
    void dialling.then(() => (isUp = true))
    await bed.clock.advanceAsync(3000)
    expect(isUp).toBe(false)
    bed.interfaces.set('wwan0', '10.0.0.2')
    expect(await bed.moved(dialling)).toEqual({ interface: 'wwan0' })
    bed.interfaces.clear()
    await bed.untilMoved(() => told[0], 'the loss to be told')
    expect(told).toEqual(['the line is lost: the interface wwan0 is not there'])
    await bed.moved(dialler.hangUp())
    expect(bed.lines('calls')).toEqual(['down'])
  })

  test('an address that is away for a moment is no loss', async () => {
    await using bed = await DialBed.make()
    const dialler = bed.command(['true'], { interface: 'wwan0' })
    const told = losses(dialler)
    bed.interfaces.set('wwan0', '10.0.0.2')
    await dialler.dial()
    for (let round = 0; round < 5; round++) {
      bed.interfaces.clear()
      await bed.clock.advanceAsync(2000)
      bed.interfaces.set('wwan0', '10.0.0.3')
      await bed.clock.advanceAsync(2000)
    }
    expect(told).toEqual([])
  })
})

describe('a command that stays', () => {
  test('is up when it says READY=1, and ends when the line is hung up', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', STAYS)
    const dialler = bed.command(['up'], { stays: true })
    const told = losses(dialler)
    expect(await dialler.dial()).toEqual({ interface: null })
    const pid = await bed.pid('pid')
    expect(lives(pid)).toBe(true)
    await bed.moved(dialler.hangUp())
    expect(lives(pid)).toBe(false)
    expect(told).toEqual([])
  })

  test('READY=1 counts on standard output, as a line of its own', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'echo READY=1 >&2; echo "not READY=1"; exec sleep 1000')
    const failing = failure(bed.command(['up'], { stays: true, timeoutMs: 5000 }).dial())
    await bed.hears('"READY=1"')
    await bed.hears('not READY=1')
    await bed.clock.advanceAsync(5000)
    expect(await bed.moved(failing)).toMatch(/^the line was not up within 5 s: waited for up to print READY=1 \(it said: .*READY=1 \/ .*READY=1\); see whether the other end answers, or set a longer dial.timeout$/)
  })

  test('with an interface READY=1 says nothing: it is up when the interface has an address', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', STAYS)
    const dialler = bed.command(['up'], { stays: true, interface: 'ppp0' })
    const dialling = dialler.dial()
    await bed.pid('pid')
    await bed.clock.advanceAsync(5000)
    bed.interfaces.set('ppp0', '10.0.0.2')
    expect(await bed.moved(dialling)).toEqual({ interface: 'ppp0' })
  })

  test('its end is the loss of the line, told once, with its last words; what comes down comes down by itself', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'echo $$ > "$FOLDER/pid"; echo READY=1; read line < "$FOLDER/fifo"; echo "carrier gone" >&2; exit 7')
    await bed.script('down', 'echo down >> "$FOLDER/calls"')
    await bed.run(['mkfifo', `${bed.folder}/fifo`]).ended
    const dialler = bed.command(['up'], { stays: true, down: ['down'] })
    const told = losses(dialler)
    await dialler.dial()
    await bed.run(['sh', '-c', `echo > ${bed.folder}/fifo`]).ended
    await bed.untilMoved(() => told[0], 'the loss to be told')
    expect(told).toEqual(['the line is lost: up ended with code 7 (it said: READY=1 / carrier gone)'])
    await bed.moved(dialler.hangUp())
    expect(bed.lines('calls')).toEqual(['down'])
    await bed.script('up', STAYS)
    await dialler.dial() // and it can be dialled again
    expect(told).toHaveLength(1)
  })

  test('a crash is a loss too', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', STAYS)
    const dialler = bed.command(['up'], { stays: true })
    const told = losses(dialler)
    await dialler.dial()
    process.kill(await bed.pid('pid'), 'SIGKILL')
    await bed.untilMoved(() => told[0], 'the loss to be told')
    expect(told).toEqual(['the line is lost: up was ended by SIGKILL (it said: READY=1)'])
  })
})

describe('failing', () => {
  test.each([
    ['a code', 'echo "no dial tone" >&2; exit 5', {}, 'up ended with code 5 (it said: no dial tone): the line did not come up; try the command by hand, as the gateway\'s user'],
    ['a crash', 'kill -SEGV $$', {}, 'up was ended by SIGSEGV: the line did not come up; try the command by hand, as the gateway\'s user'],
    ['an end too early', 'exit 0', { stays: true }, 'up ended with code 0 before the line was up: remove `stays: true` if it does not stay while the line is up'],
  ])('%s is a sentence', async (_, script, more, sentence) => {
    await using bed = await DialBed.make()
    await bed.script('up', script)
    expect(await failure(bed.command(['up'], more).dial())).toBe(sentence)
  })

  test('a program that is not there is a sentence', async () => {
    await using bed = await DialBed.make()
    expect(await failure(bed.command(['/opt/none/wvdial', 'x']).dial())).toBe('wvdial is not there: install it, or correct its name')
    expect(await failure(bed.command(['/etc/passwd'], { stays: true }).dial())).toBe('passwd may not be started by this user: it must be executable for it')
  })

  test('time that is over breaks it off, and leaves nothing running', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'sleep 1000 & echo $$ $! > "$FOLDER/pids"; echo "dialling 0815"; wait')
    await bed.script('down', 'echo down >> "$FOLDER/calls"')
    const dialler = bed.command(['up'], { down: ['down'], timeoutMs: 20_000 })
    const failing = failure(dialler.dial())
    await bed.hears('dialling 0815')
    const pids = bed.lines('pids')[0]!.split(' ').map(Number)
    await bed.clock.advanceAsync(20_000)
    expect(await bed.moved(failing)).toBe(
      'the line was not up within 20 s: waited for up to end (it said: dialling 0815); see whether the other end answers, or set a longer dial.timeout',
    )
    expect(pids.filter(lives)).toEqual([])
    expect(bed.lines('calls')).toEqual(['down'])
    expect(bed.clock.pending).toBe(0)
  })

  test('the command to hang up fails: a warning, and no more', async () => {
    await using bed = await DialBed.make()
    await bed.script('down', 'echo "modem does not answer"; exit 1')
    const dialler = bed.command(['true'], { down: ['down'] })
    await dialler.dial()
    await dialler.hangUp()
    const other = bed.command(['true'], { down: ['no-such-program'] })
    await other.dial()
    await other.hangUp()
    expect(bed.warnings).toEqual(['dial.down: down ended with code 1 (it said: modem does not answer) {}', 'dial.down: no-such-program is not there: install it, or correct its name {}'])
  })

  test('the command to hang up hangs itself: it is ended', async () => {
    await using bed = await DialBed.make()
    await bed.script('down', 'trap "" TERM; echo $$ > "$FOLDER/pid"; while :; do sleep 1; done')
    const dialler = bed.command(['true'], { down: ['down'] })
    await dialler.dial()
    const hungUp = dialler.hangUp()
    const pid = await bed.pid('pid')
    await bed.clock.advanceAsync(45_000)
    await bed.moved(hungUp)
    expect(lives(pid)).toBe(false)
    expect(bed.warnings).toEqual(['dial.down: down was ended by SIGKILL {}'])
  })
})

describe('orders', () => {
  test('hung up while it dials: refused, and nothing runs', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'echo $$ > "$FOLDER/pid"; exec sleep 1000')
    const dialler = bed.command(['up'], { stays: true })
    const told = losses(dialler)
    const failing = failure(dialler.dial())
    const pid = await bed.pid('pid')
    await bed.moved(dialler.hangUp())
    expect(lives(pid)).toBe(false)
    expect(await failing).toBe('it was hung up while it was being dialled')
    expect(told).toEqual([])
  })

  test('dialled twice: the second is refused, the first is not disturbed', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', STAYS)
    const dialler = bed.command(['up'], { stays: true })
    const first = dialler.dial()
    expect(await failure(dialler.dial())).toBe('the line has been dialled already')
    await first
    expect(lives(await bed.pid('pid'))).toBe(true)
  })

  test('dialled while it is taken down: it waits for that', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'echo up >> "$FOLDER/calls"')
    await bed.script('down', 'echo begin >> "$FOLDER/calls"; read line < "$FOLDER/fifo"; echo end >> "$FOLDER/calls"')
    await bed.run(['mkfifo', `${bed.folder}/fifo`]).ended
    const dialler = bed.command(['up'], { down: ['down'] })
    await dialler.dial()
    const hungUp = dialler.hangUp()
    const again = dialler.dial()
    await bed.run(['sh', '-c', `echo > ${bed.folder}/fifo`]).ended
    await Promise.all([hungUp, again])
    expect(bed.lines('calls')).toEqual(['up', 'begin', 'end', 'up'])
    const last = dialler.hangUp()
    await bed.run(['sh', '-c', `echo > ${bed.folder}/fifo`]).ended
    await last
  })

  test('dialled and hung up again while it is taken down: it is not dialled at all', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', 'echo up >> "$FOLDER/calls"')
    const dialler = bed.command(['up'], { down: ['true'] })
    await dialler.dial()
    const first = dialler.hangUp()
    const failing = failure(dialler.dial())
    await Promise.all([first, dialler.hangUp()])
    expect(await failing).toBe('it was hung up while it was being dialled')
    expect(bed.lines('calls')).toEqual(['up'])
  })

  test('hung up without a call, and twice', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', STAYS)
    const dialler = bed.command(['up'], { stays: true })
    await dialler.hangUp()
    await dialler.dial()
    await bed.moved(Promise.all([dialler.hangUp(), dialler.hangUp()]))
    expect(lives(await bed.pid('pid'))).toBe(false)
  })

  test('a process that ends without hanging up takes the line with it', async () => {
    await using bed = await DialBed.make()
    await bed.script('up', STAYS)
    const config = { kind: 'command', up: [`${bed.folder}/up`], down: null, stays: true, interface: null, timeoutMs: 20_000 }
    const child = endWithUs(spawn(process.execPath, [DIAL_LINE, JSON.stringify(config)], { stdio: ['pipe', 'pipe', 'inherit'] }))
    child.stdin.write('dial\n')
    await once(child.stdout, 'data')
    const pid = await bed.pid('pid')
    child.stdin.write('leave\n')
    expect(await once(child, 'exit')).toEqual([3, null])
    await until(() => !lives(pid), 'the line to end')
  })
})
