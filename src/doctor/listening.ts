// Who listens on which port, as the kernel tells it (/proc/net/tcp, tcp6) and as far as this user may see whose they are.
// Never rejects; work is bounded: so many processes, so many of their files.
import { readdir, readFile, readlink } from 'node:fs/promises'

export interface Listening {
  readonly address: string
  readonly port: number
  /** null: of a process that this user may not look at. */
  readonly pid: number | null
  readonly program: string | null
}

const LISTEN = '0A'
const SOCKETS_MAX = 4096
const PROCESSES_MAX = 4096
const FILES_MAX = 4096
/** Files looked at over all processes. */
const WORK_MAX = 100_000

/** Those on one of `ports`. `root` stands before /proc. */
export async function listeningOn(ports: ReadonlySet<number>, root: string): Promise<readonly Listening[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`${root}/proc/net/${name}`, 'latin1').catch(() => '')))
  const sockets = tables.flatMap((text) => text.split('\n').slice(1, SOCKETS_MAX).map(socketOf)).filter((one) => one !== null && ports.has(one.port)) as readonly Raw[]
  const owners = sockets.length === 0 ? new Map<string, number>() : await ownersOf(new Set(sockets.map(({ inode }) => `socket:[${inode}]`)), root)
  return Promise.all(
    sockets.map(async ({ address, port, inode }) => {
      const pid = owners.get(`socket:[${inode}]`) ?? null
      return { address, port, pid, program: pid === null ? null : await programOf(pid, root) }
    }),
  )
}

interface Raw {
  readonly address: string
  readonly port: number
  readonly inode: string
}

function socketOf(line: string): Raw | null {
  const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
  const [hex = '', port = ''] = local.split(':')
  return state === LISTEN ? { address: addressOf(hex), port: Number.parseInt(port, 16), inode } : null
}

/** Words of 32 bits in the machine's order, which is little-endian on every board there is. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => word.match(/../g)!.toReversed())
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] ?? '0') + (bytes[2 * i + 1] ?? '0'))
  return canonical(groups.join(':'))
}

/** One text for each address: `::1`. */
export function canonical(address: string): string {
  if (!address.includes(':')) return address
  const url = `http://[${address.replace(/%.*$/, '')}]`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address
}

async function ownersOf(wanted: ReadonlySet<string>, root: string): Promise<ReadonlyMap<string, number>> {
  const owners = new Map<string, number>()
  let work = 0
  for (const id of (await list(`${root}/proc`)).filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES_MAX)) {
    const files = (await list(`${root}/proc/${id}/fd`)).slice(0, FILES_MAX)
    work += files.length
    if (work > WORK_MAX || owners.size === wanted.size) break
    const targets = await Promise.all(files.map((file) => readlink(`${root}/proc/${id}/fd/${file}`).catch(() => '')))
    // A socket that systemd has opened and handed on belongs to both: who listens is the younger one.
    for (const target of targets) if (wanted.has(target)) owners.set(target, Math.max(owners.get(target) ?? 0, Number(id)))
  }
  return owners
}

async function programOf(pid: number, root: string): Promise<string> {
  return (await readFile(`${root}/proc/${pid}/comm`, 'utf8').catch(() => 'a program')).trim()
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}
