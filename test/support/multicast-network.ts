// Two machines on a cable, as network namespaces that need no rights: what multicasts there stays there, and this machine's own networks hear nothing of it.
//
//   here  10.9.0.1 fe80::1 ─── there  10.9.0.2 fe80::2
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { endWithUs } from './orphans.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** It holds until its input ends, which is when whoever made it ends. /run and users are its own: Avahi wants a user, and there is only one. */
const SETUP = `
set -e
mount -t tmpfs tmpfs /run
printf 'root:x:0:0::/:/bin/sh\\navahi:x:0:0::/:/bin/sh\\n' > /run/passwd
printf 'root:x:0:\\navahi:x:0:\\n' > /run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
ip link set lo up
ip link add cable type veth peer name far
exec 3<&0
unshare --net cat <&3 > /run/cat &
far=$!
while [ "$(readlink /proc/$far/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
ip link set far netns $far
end() { ip link set "$1" addrgenmode none; ip addr add 10.9.0.$2/24 dev "$1"; ip addr add fe80::$2/64 dev "$1" nodad; ip link set "$1" up; }
end cable 1
nsenter --target $far --net sh -ec 'ip link set lo up; ip link set far addrgenmode none; ip addr add 10.9.0.2/24 dev far; ip addr add fe80::2/64 dev far nodad; ip link set far up'
echo $far
wait $far
`

export type Where = 'here' | 'there'

/** Why this machine has no such networks; null when it has. */
export function whyWithoutNetworks(): string | null {
  try {
    execFileSync('unshare', ['--user', '--map-root-user', '--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
    return null
  } catch {
    return 'users of this machine may not make network namespaces'
  }
}

export interface Heard {
  readonly heard: 'ready' | 'found' | 'gone' | 'unresolved' | 'host'
  readonly type?: string
  readonly name?: string
  readonly host?: string
  readonly port?: number
  readonly addresses?: readonly string[]
  readonly txt?: Readonly<Record<string, string>>
}

/** `await using` takes it away, with all that runs there. */
export class MulticastNetwork implements AsyncDisposable {
  readonly #holder: ChildProcess
  readonly #pids: Readonly<Record<Where, number>>
  readonly #children = new Set<ChildProcess>()

  private constructor(holder: ChildProcess, there: number) {
    this.#holder = holder
    this.#pids = { here: holder.pid!, there }
  }

  static async make(): Promise<MulticastNetwork> {
    const holder = endWithUs(spawn('unshare', ['--user', '--map-root-user', '--net', '--mount', 'bash', '-c', SETUP], { stdio: ['pipe', 'pipe', 'pipe'] }))
    let said = ''
    let trouble = ''
    holder.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    holder.stderr.setEncoding('utf8').on('data', (text: string) => (trouble += text))
    await until(() => {
      if (holder.exitCode !== null) throw new Error(trouble)
      return said.endsWith('\n')
    }, 'two machines on a cable')
    return new MulticastNetwork(holder, Number(said))
  }

  /** What becomes a command there. */
  within(where: Where): readonly string[] {
    const [user, net] = [this.#holder.pid!, this.#pids[where]]
    return ['nsenter', `--target=${user}`, '--user', '--mount', '--preserve-credentials', `--net=/proc/${net}/ns/net`]
  }

  async sh(where: Where, script: string): Promise<string> {
    const [command, ...args] = [...this.within(where), 'sh', '-ec', script]
    return (await run(command!, args)).stdout.trim()
  }

  /** UDP ports that are bound there. */
  async udpPorts(where: Where): Promise<readonly number[]> {
    const sockets = await this.sh(where, 'cat /proc/net/udp /proc/net/udp6')
    return [...sockets.matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4})/gm)].map(([, port]) => Number.parseInt(port!, 16))
  }

  /** Runs until all ends. Answers its output, which grows. */
  start(where: Where, args: readonly string[]): { readonly lines: readonly string[]; readonly stop: () => Promise<void> } {
    const [command, ...rest] = [...this.within(where), ...args]
    const child = endWithUs(spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'] }))
    this.#children.add(child)
    const lines: string[] = []
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', (line) => lines.push(line))
    return { lines, stop: () => stopped(child) }
  }

  /** Who looks around there, and what it has heard. */
  async watch(where: Where, options: { readonly host?: string; readonly ipv6?: boolean } = {}): Promise<{ readonly heard: () => readonly Heard[]; readonly found: () => readonly string[] }> {
    const number = where === 'here' ? 1 : 2
    const address = options.ipv6 === true ? `fe80::${number}` : `10.9.0.${number}`
    const { lines } = this.start(where, ['/usr/bin/python3', `${import.meta.dirname}/mdns-watch.py`, address, ...(options.host === undefined ? [] : [options.host])])
    const heard = (): readonly Heard[] =>
      lines.map((line) => {
        if (!line.startsWith('{')) throw new Error(lines.join('\n'))
        return JSON.parse(line) as Heard
      })
    await until(() => heard().some((one) => one.heard === 'ready'), 'somebody to look around')
    return { heard, found: () => foundNow(heard()) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children].map((child) => stopped(child)))
    this.#holder.stdin!.end()
    await until(() => this.#holder.exitCode !== null || this.#holder.signalCode !== null, 'the cable to be taken away')
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill()
  await until(() => child.exitCode !== null || child.signalCode !== null, `${child.spawnargs.join(' ')} to end`)
}

/** What is there after all that was heard: `well-07 _mqtt._tcp well-07.local:1883 10.9.0.1`. */
function foundNow(heard: readonly Heard[]): string[] {
  const now = new Map<string, string>()
  for (const { heard: kind, type = '', name, host, port, addresses = [] } of heard) {
    const key = `${name} ${type}`
    if (kind === 'found') now.set(key, `${name} ${type.replace('.local.', '')} ${host?.replace(/\.$/, '')}:${port} ${addresses.join(' ')}`)
    else if (kind === 'gone') now.delete(key)
  }
  return [...now.values()].sort()
}
