// The second decoder of frames (frame-decoder.py): in another language, written from src/uplink/FRAME.md alone.
import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { DecodedFrame, FrameMessage, FrameNeeds } from '../../src/frame/frame.ts'

const SCRIPT = fileURLToPath(new URL('frame-decoder.py', import.meta.url))
/** Debian's own: another python3 on PATH may lack the package. */
const PYTHON = '/usr/bin/python3'
const OUTPUT_BYTES_MAX = 1024 * 1024 * 1024

/** A line of its output; bytes are base64. */
export type Line = { readonly needs: string } | MessageLine

export interface MessageLine extends Omit<FrameMessage, 'payload' | 'properties'> {
  readonly payload: string
  readonly properties: string | null
}

/** null when it can run here. */
export function whyNoSecondDecoder(): string | null {
  try {
    execFileSync(PYTHON, ['-c', 'import zstandard'], { stdio: 'pipe' })
    return null
  } catch (error) {
    return `needs ${PYTHON} with zstandard (apt-get install python3-zstandard): ${(error as Error).message.trim().split('\n').at(-1)}`
  }
}

/** What it makes of frames that come one after the other. Throws what it says when it fails. */
export function decodedBySecond(frames: readonly Uint8Array[]): Line[] {
  const input = Buffer.concat(frames.flatMap((frame) => [lengthOf(frame), frame]))
  const { stdout, stderr, status } = spawnSync(PYTHON, ['-B', SCRIPT], { input, maxBuffer: OUTPUT_BYTES_MAX, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the second decoder has failed: ${stderr.slice(-2000)}`)
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line)
}

function lengthOf(frame: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(frame.length)
  return bytes
}

/** The lines that it has to write for what the decoder of src/frame says. */
export function linesOf(decoded: DecodedFrame | FrameNeeds): Line[] {
  return decoded.needs === null ? decoded.messages.map(lineOf) : [{ needs: decoded.needs }]
}

export function lineOf(message: FrameMessage): MessageLine {
  const { payload, properties } = message
  return { ...message, payload: base64(payload), properties: properties === null ? null : base64(properties) }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
