// What goes onto cards: files on the first partition of an image, and images on cards. mtools write into the partition as it lies in the file,
// so nothing is mounted.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, readSync, renameSync, statSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { ProvisionError } from './table.ts'

const CHUNK_BYTES = 4 * 1024 * 1024
const SECTOR_BYTES = 512
const FAT32_LBA = 0x0c

/** Unpacks `image` (.img, .img.xz, .img.zst) to `to`. */
export function unpackImage(image: string, to: string): void {
  const part = `${to}.part`
  const packer = image.endsWith('.xz') ? 'xz' : image.endsWith('.zst') ? 'zstd' : null
  if (packer === null) run('cp', ['--sparse=always', '--reflink=auto', '--', image, part])
  else run('sh', ['-c', `exec ${packer} -dc -- "$1" | cp --sparse=always /dev/stdin "$2"`, 'sh', image, part])
  renameSync(part, to)
}

/** Where the partition GATEWAY begins, in bytes. Throws ProvisionError when this is no image of a gateway. */
export function gatewayPartition(image: string): number {
  const file = openSync(image, 'r')
  const head = Buffer.alloc(SECTOR_BYTES)
  try {
    readSync(file, head, 0, SECTOR_BYTES, 0)
  } finally {
    closeSync(file)
  }
  const isCard = head.readUInt16LE(510) === 0xaa55 && head[450] === FAT32_LBA
  if (!isCard) throw new ProvisionError(`${image} is not the image of a gateway: its first partition is not FAT32`)
  const at = head.readUInt32LE(454) * SECTOR_BYTES
  const label = run('mlabel', ['-s', '-i', `${image}@@${at}`, '::'])
  if (!/\bGATEWAY\b/.test(label)) throw new ProvisionError(`${image} is not the image of a gateway: its first partition is not called GATEWAY`)
  return at
}

/** Puts files into the root of the partition, in place of those of the same name. */
export function putFiles(image: string, at: number, files: readonly string[]): void {
  run('mcopy', ['-o', '-i', `${image}@@${at}`, ...files, '::/'])
}

/** Throws ProvisionError unless `device` is a card that nobody uses. */
export function checkCard(device: string, imageBytes: number): void {
  if (!statSync(device, { throwIfNoEntry: false })?.isBlockDevice()) throw new ProvisionError(`${device} is not a card: write for example /dev/sdb or /dev/mmcblk0`)
  const name = basename(device)
  const read = (file: string): string | null => {
    try {
      return readFileSync(`/sys/class/block/${name}/${file}`, 'utf8').trim()
    } catch {
      return null
    }
  }
  if (read('partition') !== null) throw new ProvisionError(`${device} is one partition: give the whole card, without the number at its end`)
  const isCard = read('removable') === '1' || name.startsWith('mmcblk') || /\/usb\d+\//.test(run('readlink', ['-f', `/sys/class/block/${name}`]))
  if (!isCard) throw new ProvisionError(`${device} is built in: cards are removable, on USB, or mmcblk`)
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n').filter((line) => line.startsWith(device))
  if (mounts.length > 0) throw new ProvisionError(`${device} is in use: umount ${mounts.map((line) => line.split(' ')[0]).join(' ')}`)
  const bytes = Number(read('size')) * SECTOR_BYTES
  if (bytes < imageBytes) throw new ProvisionError(`${device} has ${bytes} bytes and the image ${imageBytes}: take a larger card`)
}

/** Writes the image to the card and reads it back. `progress` hears a share of 1. Throws ProvisionError for a card that does not take or keep it. */
export function writeCard(image: string, device: string, progress: (done: number) => void): void {
  const bytes = statSync(image).size
  try {
    const written = write(image, bytes, device, progress)
    run('blockdev', ['--flushbufs', device]) // so that what is read comes from the card
    const read = pass(device, bytes, (_chunk, at) => progress(0.5 + at / bytes / 2))
    if (read !== written) throw new ProvisionError(`${device} does not keep what is written to it: throw the card away`)
  } catch (error) {
    if (error instanceof ProvisionError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new ProvisionError(`${device} cannot be written or read (${code ?? message}): try another card, or another reader`)
  }
  progress(1)
}

/** Answers the SHA-256 of what was written. */
function write(image: string, bytes: number, device: string, progress: (done: number) => void): string {
  const to = openSync(device, 'r+')
  try {
    const written = pass(image, bytes, (chunk, at) => {
      for (let done = 0; done < chunk.length; ) done += writeSync(to, chunk, done, chunk.length - done, at + done)
      progress(at / bytes / 2)
    })
    fsyncSync(to)
    return written
  } finally {
    closeSync(to)
  }
}

/** Goes through the first bytes of a file or card; answers their SHA-256. */
function pass(path: string, bytes: number, each: (chunk: Buffer, at: number) => void): string {
  const hash = createHash('sha256')
  const room = Buffer.alloc(CHUNK_BYTES)
  const file = openSync(path, 'r')
  try {
    for (let at = 0; at < bytes; ) {
      const length = readSync(file, room, 0, Math.min(CHUNK_BYTES, bytes - at), at)
      if (length === 0) throw new ProvisionError(`${path} ends after ${at} of ${bytes} bytes`)
      const chunk = room.subarray(0, length)
      hash.update(chunk)
      each(chunk, at)
      at += length
    }
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

const PACKAGES: Readonly<Record<string, string>> = { mcopy: 'mtools', mlabel: 'mtools', blockdev: 'util-linux' }

function run(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, MTOOLS_SKIP_CHECK: '1', LC_ALL: 'C' } })
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { readonly stderr?: string }
    if (code === 'ENOENT') throw new ProvisionError(`${program} is not there: apt-get install ${PACKAGES[program] ?? program}`)
    throw new ProvisionError(`${program}: ${stderr?.trim().split('\n').at(-1) ?? String(error)}`)
  }
}
