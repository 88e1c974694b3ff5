// What the bench asks of the machine: which cores there are, who runs on which, and what /proc says about a process.
// Linux only, like the gateway itself. Everything here reads; the one thing it changes is this process' own core.

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs'

const CLOCK_TICKS_PER_SEC = 100 // USER_HZ: 100 on every Linux that Node runs on
const TMPFS_MAGIC = 0x01021994
const SECTOR_BYTES = 512

export interface Cores {
  /** For taskset's -c: the broker's core; null when nothing is pinned. */
  readonly broker: string | null
  /** Where the load generator and the bench itself run; null when nothing is pinned. */
  readonly load: string | null
  readonly note: string
}

/** The last allowed core is the broker's, all others belong to the load generator. */
export function shareCores(): Cores {
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const cores = allowed.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
  if (cores.length < 2) return { broker: null, load: null, note: 'one core only: broker and load generator share it, nothing is pinned' }
  if (spawnSync('taskset', ['--version']).error !== undefined) return { broker: null, load: null, note: 'no taskset: nothing is pinned' }
  const broker = String(cores.at(-1))
  const load = cores.slice(0, -1).join(',')
  return { broker, load, note: `broker on core ${broker}, load generator on ${load}` }
}

/** Moves this process with all its threads; children started later inherit it. */
export function pinSelf(cores: string): void {
  spawnSync('taskset', ['-a', '-c', '-p', cores, String(process.pid)], { stdio: 'ignore' })
}

/** The most open files that a process of ours may have. */
export function openFilesMax(): number {
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return limit === 'unlimited' ? Infinity : Number(limit ?? 1024)
}

/** True when what is written to the folder never reaches a disk, so that bytes and fsync times mean nothing. */
export function isInMemory(folder: string): boolean {
  return statfsSync(folder).type === TMPFS_MAGIC
}

export interface Usage {
  readonly cpuSec: number
  /** Bytes passed to write(), sockets included. */
  readonly writeCallBytes: number
}

export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // [0] is the state, the third field of the line
  const io = readFileSync(`/proc/${pid}/io`, 'utf8')
  return {
    cpuSec: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SEC,
    writeCallBytes: Number(/^wchar: (\d+)/m.exec(io)?.[1]),
  }
}

/**
 * Bytes that all programs have written to the folder's disk, when everything is written that waits. NaN where the folder is on no disk.
 * Not the process' own `write_bytes`: since there are large folios in Linux, a page made dirty counts as all of its folio.
 */
export function diskBytesOf(folder: string): number {
  execFileSync('sync', ['-f', folder])
  const { dev } = statSync(folder, { bigint: true })
  const [major, minor] = [((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn), (dev & 0xffn) | ((dev >> 12n) & ~0xffn)]
  try {
    return Number(readFileSync(`/sys/dev/block/${major}:${minor}/stat`, 'latin1').trim().split(/ +/)[6]) * SECTOR_BYTES
  } catch {
    return Number.NaN
  }
}

export interface Memory {
  /** Resident: pages shared with other processes included. Private: what would be free if it ended. Peak: highest resident so far. */
  readonly residentMb: number
  readonly pssMb: number
  readonly privateMb: number
  readonly peakMb: number
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const smaps = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mb = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1024
  return {
    residentMb: mb(status, 'VmRSS'),
    peakMb: mb(status, 'VmHWM'),
    pssMb: mb(smaps, 'Pss'),
    privateMb: mb(smaps, 'Private_Clean') + mb(smaps, 'Private_Dirty'),
  }
}

/** One line about the machine for the report. */
export function describeMachine(): string {
  const model = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0]
  return `${model}, Linux ${kernel}, Node ${process.version} (${readlinkSync('/proc/self/exe').includes('node_modules') ? 'the pinned one' : 'from PATH'}), load average at the start ${load}`
}
