// Files of sysfs and procfs: one value each, made by the kernel while it is read.
// Always true: nothing here is synchronous, for a read may take as long as the chip behind it needs (a DS18B20: 750 ms), and no more
// than a page is read, for no attribute is longer (Documentation/filesystems/sysfs.rst).
import { open, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const PAGE_BYTES = 4096
/** A folder of sysfs lies this deep at most; a tree that is not one must not keep us climbing. */
const CLIMB_MAX = 40

/** The text without the line's end. Rejects with the error of the system. */
export async function readAttribute(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(PAGE_BYTES), 0, PAGE_BYTES, null)
    return buffer.toString('utf8', 0, bytesRead).trim()
  } finally {
    await file.close()
  }
}

/** null where there is no such file, or it cannot be read. */
export async function attributeIfAny(path: string): Promise<string | null> {
  try {
    return await readAttribute(path)
  } catch {
    return null
  }
}

/** Names in the folder, sorted as people count (temp2 before temp10); none where there is no folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort(byNumber)
  } catch {
    return []
  }
}

export function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

/** The folder that links lead to; null when there is none. */
export async function realFolder(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch {
    return null
  }
}

/** Where a device hangs: the nearest folder at or above `folder` that belongs to a bus. */
export interface BusPlace {
  readonly bus: string
  /** Name of the device on its bus: `1-0076`, `spi0.0`, `0000:01:00.0`. */
  readonly address: string
  readonly folder: string
}

export async function busPlaceOf(folder: string): Promise<BusPlace | null> {
  let at = folder
  for (let climbed = 0; climbed < CLIMB_MAX && at !== dirname(at); climbed++, at = dirname(at)) {
    const bus = /\/bus\/([^/]+)$/.exec(await linkIfAny(`${at}/subsystem`))?.[1]
    // To the kernel industrial I/O is a bus too, but the chip hangs on another one.
    if (bus !== undefined && bus !== 'iio') return { bus, address: at.slice(at.lastIndexOf('/') + 1), folder: at }
  }
  return null
}

async function linkIfAny(path: string): Promise<string> {
  try {
    return await readlink(path)
  } catch {
    return ''
  }
}

/** What an error of a read means for the person beside the chip. */
export function explainReadError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return WORDS[code ?? ''] ?? `cannot be read: ${code ?? message}`
}

const WORDS: Readonly<Record<string, string>> = {
  EIO: 'cannot be read: the chip answers wrongly (EIO); check its wires and supply',
  EREMOTEIO: 'cannot be read: the chip does not answer (EREMOTEIO); check its wires and supply',
  ENXIO: 'cannot be read: the chip does not answer (ENXIO); check its wires and supply',
  ETIMEDOUT: 'cannot be read: the chip does not answer in time (ETIMEDOUT); check its wires and supply',
  ENODATA: 'has no value now (ENODATA): the chip or this channel is switched off',
  EAGAIN: 'has no value now (EAGAIN): what it measures is switched off or asleep',
  EBUSY: 'is held by another program (EBUSY): end what reads it through a buffer',
  EACCES: "may not be read by the gateway's user (EACCES): `ls -l` shows the group of the file",
  ENOENT: 'is not there any more',
  ENODEV: 'is not there any more (ENODEV)',
}
