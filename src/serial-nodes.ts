// What the system tells about serial ports beside the driver: which names they have, and who else holds one. Reads /dev/serial,
// /run/udev and /proc below `root` ('' is the machine's own).
// Rules: nothing here rejects; what cannot be read is not told. Work is bounded: so many names, so many processes, so many of their files.
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'

const NAMES_MAX = 64
const PROCESSES_MAX = 4096
const FILES_MAX = 1024
/** Files looked at over all processes. */
const WORK_MAX = 50_000

/**
 * Paths for the devices that are plugged in: /dev/serial/by-id, and /dev/serial/by-path for those that no by-id name leads to, because
 * an adapter of the same make without a serial number has it.
 */
export async function pluggedIn(root = ''): Promise<string[]> {
  const byId = await links(root, '/dev/serial/by-id')
  const byPath = await links(root, '/dev/serial/by-path')
  const nodes = new Set(byId.map((link) => link.node))
  const more = byPath.filter((link) => {
    if (nodes.has(link.node)) return false
    nodes.add(link.node)
    return true
  })
  return [...byId, ...more].map((link) => link.path)
}

/** Other devices that claim the by-id name `path`, all of them as by-path names; empty when the name belongs to one. */
export async function twinsOf(path: string, root = ''): Promise<string[]> {
  if (!path.startsWith('/dev/serial/by-id/')) return []
  const claim = `S:${path.slice('/dev/'.length)}`
  const seen = new Map<string, string>()
  for (const link of await links(root, '/dev/serial/by-path')) {
    if (seen.has(link.node)) continue
    if ((await udevLines(root, link.node)).includes(claim)) seen.set(link.node, link.path)
  }
  return seen.size > 1 ? [...seen.values()] : []
}

/** Who else has the port open, in words: the kernel's console, programs with their process number. */
export async function holdersOf(path: string, root = ''): Promise<string[]> {
  const node = await realpath(root + path).catch(() => null)
  if (node === null) return []
  const holders: string[] = []
  if (await isConsole(node.slice(node.lastIndexOf('/') + 1), root)) holders.push('the kernel (console= in its command line)')
  const isPseudo = node.includes('/dev/pts/')
  let work = 0
  const processes = (await list(`${root}/proc`)).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  for (const id of processes.slice(0, PROCESSES_MAX)) {
    const files = (await list(`${root}/proc/${id}/fd`)).slice(0, FILES_MAX)
    work += files.length
    if (work > WORK_MAX) break
    const open = await Promise.all(files.map((file) => readlink(`${root}/proc/${id}/fd/${file}`).catch(() => '')))
    // Who made a pseudo terminal is its far end, not somebody beside us.
    if (open.includes(node) && !(isPseudo && open.some((target) => target.endsWith('/ptmx')))) holders.push(`${await programName(id, root)} (process ${id})`)
  }
  return holders
}

interface Link {
  readonly path: string
  readonly node: string
}

async function links(root: string, folder: string): Promise<Link[]> {
  const found: Link[] = []
  for (const name of (await list(root + folder)).sort().slice(0, NAMES_MAX)) {
    const node = await realpath(`${root}${folder}/${name}`).catch(() => null)
    if (node !== null) found.push({ path: `${folder}/${name}`, node })
  }
  return found
}

/** What udev keeps of a character device. */
async function udevLines(root: string, node: string): Promise<string[]> {
  try {
    const { rdev } = await stat(node)
    return await lines(`${root}/run/udev/data/c${major(rdev)}:${minor(rdev)}`)
  } catch {
    return []
  }
}

async function isConsole(name: string, root: string): Promise<boolean> {
  return (await lines(`${root}/proc/consoles`)).some((line) => line.split(' ')[0] === name)
}

async function programName(id: string, root: string): Promise<string> {
  return (await lines(`${root}/proc/${id}/comm`))[0] ?? 'a program'
}

async function lines(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8').catch(() => '')).split('\n')
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}

// As in gnu_dev_major and gnu_dev_minor of <sys/sysmacros.h>; beyond 32 bits numbers, not bit operations.
function major(rdev: number): number {
  return (Math.floor(rdev / 2 ** 8) & 0xfff) + Math.floor(rdev / 2 ** 44) * 2 ** 12
}

function minor(rdev: number): number {
  return (rdev % 2 ** 8) + (Math.floor(rdev / 2 ** 20) % 2 ** 12) * 2 ** 8
}
