// What real clients have sent, from the files in recordings/ (record.ts makes them).
import { readdirSync, readFileSync } from 'node:fs'

export const RECORDINGS = new URL('recordings/', import.meta.url)

export interface Recording {
  readonly name: string
  /** As they arrived, one write of the client after the other. */
  readonly chunks: readonly Buffer[]
}

export function loadRecordings(): Recording[] {
  return readdirSync(RECORDINGS)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => {
      const lines = readFileSync(new URL(file, RECORDINGS), 'utf8').split('\n')
      return { name: file.slice(0, -4), chunks: lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => Buffer.from(line, 'hex')) }
    })
}
