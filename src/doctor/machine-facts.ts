// The machine in a page of text: kernel, processor, memory, disks, network. Of the kernel's own small files; who may not read one leaves it out.
import { statfs } from 'node:fs/promises'
import { cpus, loadavg, networkInterfaces, release, totalmem, freemem, uptime, version } from 'node:os'
import { readText } from '../board/sysfs.ts'
import { within } from './deadline.ts'
import type { Patient } from './patient.ts'

const MOUNTS_MAX = 40
/** A network file system that is gone answers never. */
const SPACE_MS_MAX = 1000
/** File systems with a disk, a card or memory behind them. */
const REAL = /^(ext[234]|vfat|exfat|btrfs|xfs|f2fs|erofs|squashfs|overlay|tmpfs|nfs\d?|cifs|9p|virtiofs|fuseblk)$/

export async function machineFacts({ root, clock }: Patient): Promise<string> {
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readText(`${root}/etc/os-release`) ?? '')?.[1] ?? 'not known'
  const [processor] = cpus()
  const network = Object.entries(networkInterfaces()).flatMap(([name, all]) => (all ?? []).map(({ cidr, address }) => `  ${name}  ${cidr ?? address}`))
  const lines = [
    `system     ${system}`,
    `kernel     Linux ${release()} ${version()}`,
    `node       ${process.version} ${process.arch}`,
    `processor  ${cpus().length} × ${processor?.model ?? 'not known'}`,
    `memory     ${mega(totalmem())} MB, ${mega(freemem())} MB free`,
    `load       ${loadavg().map((load) => load.toFixed(2)).join(' ')}`,
    `up         ${Math.floor(uptime())} s`,
    `clock      ${new Date(clock.wall()).toISOString()}`,
    '',
    'file systems',
    ...(await mounts(root, clock)),
    '',
    'addresses',
    ...network,
    '',
    'name servers',
    ...[...(readText(`${root}/etc/resolv.conf`) ?? '').matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => `  ${server!}`),
    '',
    'block devices (major minor blocks name)',
    ...(readText(`${root}/proc/partitions`) ?? '').split('\n').slice(2).map((line) => `  ${line.trim()}`),
  ]
  return `${lines.join('\n')}\n`
}

/** Their options are left out: some hold passwords. */
async function mounts(root: string, clock: Patient['clock']): Promise<string[]> {
  const all = (readText(`${root}/proc/self/mounts`) ?? '').split('\n').map((line) => line.split(' '))
  const real = all.filter(([, , kind = '']) => REAL.test(kind)).slice(0, MOUNTS_MAX)
  return Promise.all(
    real.map(async ([source = '', point = '', kind = '', options = '']) => {
      const space = await within(clock, SPACE_MS_MAX, statfs(point).then(({ bsize, blocks, bavail }) => `${mega(bavail * bsize)} of ${mega(blocks * bsize)} MB free`, () => 'cannot be looked at'), 'does not answer')
      return `  ${point}  ${source.includes('@') ? '(hidden)' : source}  ${kind}  ${options.split(',').includes('ro') ? 'read-only' : 'writable'}  ${space}`
    }),
  )
}

function mega(bytes: number): number {
  return Math.round(bytes / 1e6)
}
