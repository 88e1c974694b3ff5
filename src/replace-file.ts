// Writes a file so that it is whole or the one before, also after a power cut: written aside, synced, renamed, and the folder synced, for the
// new name is on the card only when its folder is.
import { chownSync, closeSync, fchmodSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

export interface ReplaceOptions {
  readonly mode: number
  /** Written by root, the file gets the owner of this one, and so does its folder: what is written for the gateway's user. */
  readonly ownerOf?: string
  /** Written by root, the file gets the owner of the one before; nothing else does. */
  readonly keepsOwner?: true
}

/** Throws the file system's error; then the one before stays. */
export function replaceFile(path: string, bytes: Uint8Array, { mode, ownerOf, keepsOwner }: ReplaceOptions): void {
  const aside = `${path}.tmp`
  const owner = keepsOwner === true ? statSync(path) : ownerOf === undefined ? null : statSync(ownerOf)
  rmSync(aside, { force: true }) // of an interrupted write, with whatever mode
  const file = openSync(aside, 'wx', mode)
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
    fchmodSync(file, mode) // whatever the umask
    if (owner !== null && process.getuid?.() === 0) {
      fchownSync(file, owner.uid, owner.gid)
      if (keepsOwner !== true) chownSync(dirname(path), owner.uid, owner.gid)
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
  syncFolder(dirname(path))
}

export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
