// PEM files (RFC 7468): base64 between lines that say what it is. What stands around them is for people.
import type { X509Certificate } from 'node:crypto'
import { DerError } from './der.ts'

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g

/** The blocks with this label, as DER. Throws DerError when there is none, or one is broken off. */
export function pemBlocks(pem: Buffer, label: string): Buffer[] {
  const text = pem.toString('latin1')
  const begin = `-----BEGIN ${label}-----`
  const blocks = Array.from(text.matchAll(BLOCK)).filter((block) => block[1] === label)
  if (blocks.length === 0) throw new DerError(`it has no lines ${begin}`)
  if (blocks.length !== text.split(begin).length - 1) throw new DerError(`what begins with ${begin} has no end`)
  return blocks.map((block) => Buffer.from(block[2]!, 'base64'))
}

export function toPem(der: Buffer, label: string): Buffer {
  return Buffer.from(`-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')}\n-----END ${label}-----\n`)
}

/** The certificates of a file. Loads node:crypto. Throws DerError. */
export function certificatesOf(pem: Buffer): X509Certificate[] {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  return pemBlocks(pem, 'CERTIFICATE').map((block) => {
    try {
      return new X509Certificate(block)
    } catch (error) {
      throw new DerError(`a certificate in it cannot be read: ${(error as Error).message}`)
    }
  })
}
