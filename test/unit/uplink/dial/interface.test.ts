// Interfaces that are switched on or waited for: the real kernel in a network namespace, and what sysfs says, read from made-up folders.
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { addressOf, makeNetwork } from '../../../../src/uplink/dial/network.ts'
import { DialBed, failure } from '../../../support/dial-bed.ts'
import { endWithUs } from '../../../support/orphans.ts'
import { until } from '../../../support/until.ts'

const DIAL_LINE = join(import.meta.dirname, '../../../support/dial-line.ts')

type Event = Readonly<Record<string, unknown>>

/** A namespace with one end of a cable, wwan0; the other end, far0, is in a second one. */
class Namespace implements Disposable {
  readonly name: string
  readonly #far: string

  constructor(name: string) {
    this.name = name
    this.#far = `${name}-far`
    ip('netns', 'add', name)
    ip('netns', 'add', this.#far)
    ip('-n', name, 'link', 'add', 'wwan0', 'type', 'veth', 'peer', 'name', 'far0', 'netns', this.#far)
    this.plug('up')
  }

  ip(...args: string[]): void {
    ip('-n', this.name, ...args)
  }

  plug(state: 'up' | 'down'): void {
    ip('-n', this.#far, 'link', 'set', 'far0', state)
  }

  line(config: object): LineProcess {
    return new LineProcess(spawn('ip', ['netns', 'exec', this.name, process.execPath, DIAL_LINE, JSON.stringify({ timeoutMs: 20_000, ...config })], { stdio: 'pipe' }))
  }

  [Symbol.dispose](): void {
    ip('netns', 'del', this.name)
    ip('netns', 'del', this.#far)
  }
}

class LineProcess implements Disposable {
  readonly events: Event[] = []
  readonly #child: ChildProcessWithoutNullStreams

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = endWithUs(child)
    let rest = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.events.push(JSON.parse(line) as Event)
    })
  }

  say(line: 'dial' | 'hang up'): void {
    this.#child.stdin.write(`${line}\n`)
  }

  async next(count = 1): Promise<Event> {
    await until(() => this.events.length >= count, `event ${count} of ${JSON.stringify(this.events)}`, 15_000)
    return this.events[count - 1]!
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

function whyNoNamespace(): string | null {
  const name = `sandpiper-${process.pid}-try`
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (made.status !== 0) return made.error === undefined ? made.stderr.trim() : 'no program ip'
  ip('netns', 'del', name)
  return null
}

const reason = whyNoNamespace()

describe.skipIf(reason !== null)(`in a network namespace${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  const named = (n: number): string => `sandpiper-${process.pid}-${n}`

  test('is switched on, up when it has an address, and switched off', async () => {
    using namespace = new Namespace(named(1))
    using line = namespace.line({ kind: 'interface', interface: 'wwan0', waits: false })
    line.say('dial')
    await until(() => isUp(namespace.name), 'the interface to be switched on', 15_000)
    expect(line.events).toEqual([])
    namespace.ip('addr', 'add', '169.254.7.7/16', 'dev', 'wwan0') // what a machine gives itself is no line
    namespace.ip('addr', 'add', '10.7.0.2/24', 'dev', 'wwan0')
    expect(await line.next()).toEqual({ up: 'wwan0', address: '10.7.0.2' })
    line.say('hang up')
    expect(await line.next(2)).toEqual({ down: true })
    expect(isUp(namespace.name)).toBe(false)
  })

  test('pulled out it is lost, plugged in it can be dialled again', async () => {
    using namespace = new Namespace(named(2))
    namespace.ip('addr', 'add', '2001:db8::7/64', 'dev', 'wwan0', 'nodad')
    using line = namespace.line({ kind: 'interface', interface: 'wwan0', waits: false })
    line.say('dial')
    expect(await line.next()).toEqual({ up: 'wwan0', address: '2001:db8::7' })
    namespace.plug('down')
    expect(await line.next(2)).toEqual({ lost: 'the line is lost: the interface wwan0 has no carrier' })
    await until(() => !isUp(namespace.name), 'what is left of the line to be taken down', 15_000)
    namespace.plug('up')
    line.say('dial')
    await until(() => isUp(namespace.name), 'the interface to be switched on again', 15_000)
    namespace.ip('addr', 'add', '2001:db8::7/64', 'dev', 'wwan0', 'nodad') // it was taken when the interface was switched off
    expect(await line.next(3)).toEqual({ up: 'wwan0', address: '2001:db8::7' })
  })

  test('only waited for it is not switched; time that is over says what it is missing', async () => {
    using namespace = new Namespace(named(3))
    using line = namespace.line({ kind: 'interface', interface: 'wwan0', waits: true, timeoutMs: 1000 })
    line.say('dial')
    const sentence = (problem: string): string => `the line was not up within 1 s: waited for the interface wwan0, which ${problem}; see whether the other end answers, or set a longer dial.timeout`
    expect(await line.next()).toEqual({ failed: sentence('is not up') })
    namespace.plug('down')
    namespace.ip('link', 'set', 'wwan0', 'up')
    line.say('dial')
    expect(await line.next(2)).toEqual({ failed: sentence('has no carrier') })
    namespace.plug('up')
    line.say('dial')
    expect(await line.next(3)).toEqual({ failed: sentence('has no address') })
    namespace.ip('addr', 'add', '10.7.0.2/24', 'dev', 'wwan0')
    line.say('dial')
    expect(await line.next(4)).toEqual({ up: 'wwan0', address: '10.7.0.2' })
    line.say('hang up')
    expect(await line.next(5)).toEqual({ down: true })
    expect(isUp(namespace.name)).toBe(true)
  })

  test('one that is not there is a sentence', async () => {
    using namespace = new Namespace(named(4))
    using line = namespace.line({ kind: 'interface', interface: 'wwan7', waits: false })
    line.say('dial')
    expect(await line.next()).toEqual({ failed: 'there is no interface wwan7: plug the modem in, or correct dial.interface (`ip link` lists them)' })
  })
})

function isUp(namespace: string): boolean {
  return /<[^>]*\bUP\b/.test(execFileSync('ip', ['-n', namespace, 'link', 'show', 'wwan0'], { encoding: 'utf8' }))
}

describe('switching, as ip answers', () => {
  test.each([
    ['RTNETLINK answers: Operation not permitted', 'wwan0 may not be switched by this user: add AmbientCapabilities=CAP_NET_ADMIN to the unit, or write `wait: true` where something else switches it'],
    ['Cannot find device "wwan0"', 'there is no interface wwan0: plug the modem in, or correct dial.interface (`ip link` lists them)'],
    ['RTNETLINK answers: Operation not possible due to RF-kill', 'wwan0 could not be switched: ip ended with code 2 (it said: RTNETLINK answers: Operation not possible due to RF-kill)'],
  ])('%s', async (said, sentence) => {
    await using bed = await DialBed.make()
    await bed.script('ip', `echo '${said}' >&2; exit 2`)
    const dialler = bed.dialler({ kind: 'interface', interface: 'wwan0', waits: false, timeoutMs: 60_000, attemptBytesMax: Infinity })
    expect(await failure(dialler.dial())).toBe(sentence)
    expect(bed.warnings).toEqual([])
  })
})

describe('what sysfs says', () => {
  test.each<[string, Readonly<Record<string, string>> | null, string]>([
    ['nothing', null, 'is not there'],
    ['switched off', { flags: '0x1002\n', operstate: 'down\n' }, 'is not up'],
    ['no carrier', { flags: '0x1003\n', operstate: 'down\n', carrier: '0\n' }, 'has no carrier'],
    ['a carrier that is not seen by `carrier`', { flags: '0x1003\n', operstate: 'lowerlayerdown\n' }, 'has no carrier'],
    ['a modem that registers', { flags: '0x1003\n', operstate: 'dormant\n', carrier: '1\n' }, 'is still negotiating'],
    ['no address', { flags: '0x1043\n', operstate: 'up\n', carrier: '1\n' }, 'has no address'],
    ['ppp, which knows no state', { flags: '0x10d1\n', operstate: 'unknown\n', carrier: '1\n' }, 'has no address'],
    ['an interface that goes away meanwhile', {}, 'has no address'],
  ])('%s', async (_, attributes, problem) => {
    const sysfs = await mkdtemp(join(tmpdir(), 'sandpiper-sysfs-'))
    try {
      if (attributes !== null) await mkdir(join(sysfs, 'wwan0'))
      for (const [name, value] of Object.entries(attributes ?? {})) await writeFile(join(sysfs, 'wwan0', name), value)
      expect(makeNetwork(sysfs, () => null).problemOf('wwan0')).toBe(problem)
      expect(makeNetwork(sysfs, () => '10.0.0.2').problemOf('wwan0')).toBeNull()
    } finally {
      await rm(sysfs, { recursive: true })
    }
  })

  test('the address of an interface of this machine', () => {
    expect(addressOf('lo')).toBe('127.0.0.1')
    expect(addressOf('no-such-interface')).toBeNull()
    expect(makeNetwork().problemOf('lo')).toBeNull()
  })
})
