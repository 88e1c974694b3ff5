// Can the store be written, and for how much longer?
import { existsSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fault, type Finding, ok, unknown, warning } from './finding.ts'
import type { Patient, SpaceFacts } from './patient.ts'

export interface DiskFacts {
  readonly path: string
  readonly space: SpaceFacts
  readonly mount: Mount | null
  /** What the store may still grow by (store.maxSize); null when it is not known. */
  readonly growthBytes: number | null
}

export interface Mount {
  readonly point: string
  readonly kind: string
  readonly isReadOnly: boolean
}

const FULL_BYTES = 16e6
const NEAR_BYTES = 100e6
const FULL_SHARE = 0.01
const NEAR_SHARE = 0.05
const MAKE_ROOM = 'make room there (sudo journalctl --vacuum-size=50M, sudo apt clean; old store.db.aside-* files may go), or set a smaller store.maxSize'

export async function checkDisk({ config, gateway, root, edges }: Patient): Promise<Finding[]> {
  if (config === null) return []
  const path = nearest(config.store.path)
  const trouble = gateway?.store.trouble ?? null
  const full = trouble === null ? [] : [fault('store', trouble, 'see what waits (sandpiper uplink, sandpiper queue), mend the link that it waits for, or set a larger store.maxSize')]
  try {
    const [space, mount] = await Promise.all([(edges?.space ?? spaceOf)(path), readFile(`${root}/proc/self/mountinfo`, 'utf8').then((text) => mountOf(path, text), () => null)])
    const growthBytes = gateway === null ? null : Math.max(0, config.store.bytesMax - gateway.store.bytes)
    return [diskFinding({ path, space, mount, growthBytes }), ...full]
  } catch (error) {
    return [unknown('disk', `${path} cannot be looked at (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`), ...full]
  }
}

export function diskFinding({ path, space, mount, growthBytes }: DiskFacts): Finding {
  const { bytes, freeBytes, files, freeFiles } = space
  const where = mount === null ? path : `${mount.point} (${mount.kind})`
  const free = `${mega(freeBytes)} of ${mega(bytes)} free`
  if (mount?.isReadOnly === true) return fault('disk', `${where}, where the store is, is read-only`, 'the kernel does that when the card has errors: look at dmesg, check it (fsck) and replace it, or mount it for writing; the image’s own partitions are meant to be so, store.path is not')
  if (freeBytes < FULL_BYTES || freeBytes < bytes * FULL_SHARE) return fault('disk', `${where} is full: ${free}`, MAKE_ROOM)
  if (files > 0 && freeFiles < files * FULL_SHARE) return fault('disk', `${where} has no room for more files: ${freeFiles} of ${files} left`, 'remove small files there: find out where they are with sudo du --inodes -xS / | sort -n | tail')
  if (freeBytes < NEAR_BYTES || freeBytes < bytes * NEAR_SHARE) return warning('disk', `${where} is nearly full: ${free}`, MAKE_ROOM)
  if (growthBytes !== null && growthBytes > freeBytes) return warning('disk', `${where}: ${free}, and the store may grow by ${mega(growthBytes)} (store.maxSize)`, 'set a store.maxSize that the card has room for: a full store drops by its own rules, a full card refuses')
  return ok('disk', `${where}: ${free}`)
}

/** The mount that a path lies on, of /proc/self/mountinfo: the last of the longest points. */
export function mountOf(path: string, mountinfo: string): Mount | null {
  let found: Mount | null = null
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [, , , , pointText, options = ''] = left.split(' ')
    const [kind = '', , superOptions = ''] = right.split(' ')
    if (pointText === undefined) continue
    const point = pointText.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    const isAbove = path === point || path.startsWith(point === '/' ? '/' : `${point}/`)
    if (!isAbove || point.length < (found?.point.length ?? 0)) continue
    found = { point, kind, isReadOnly: [...options.split(','), ...superOptions.split(',')].includes('ro') }
  }
  return found
}

async function spaceOf(path: string): Promise<SpaceFacts> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(path)
  return { bytes: blocks * bsize, freeBytes: bavail * bsize, files, freeFiles: ffree }
}

/** The folder itself, or the one that it would be made in. */
function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path))
}

function mega(bytes: number): string {
  return bytes >= 10e9 ? `${Math.round(bytes / 1e9)} GB` : `${Math.round(bytes / 1e6)} MB`
}
