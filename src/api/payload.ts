// Payloads as JSON has them: text where they are UTF-8, else base 64.
import type { Message } from '../message.ts'
import { count, flag, text } from './route.ts'

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export interface ShownPayload {
  readonly payload: string
  readonly encoding: 'utf8' | 'base64'
  readonly bytes: number
  readonly cut: boolean
}

export const PAYLOAD_PROPERTIES = {
  payload: text('As text, or in base 64.'),
  encoding: { enum: ['utf8', 'base64'], description: 'How `payload` is to be read.' },
  bytes: count('Of the whole payload.'),
  cut: flag('`payload` is only its beginning.'),
}

/** The first `bytesMax` bytes; of a text never a part of a character. */
export function showPayload({ payload }: Message, bytesMax: number): ShownPayload {
  const cut = payload.length > bytesMax
  const shown = cut ? payload.subarray(0, bytesMax) : payload
  const text = decoded(shown, cut)
  return { payload: text ?? shown.toString('base64'), encoding: text === null ? 'base64' : 'utf8', bytes: payload.length, cut }
}

function decoded(bytes: Buffer, cut: boolean): string | null {
  for (let end = bytes.length; end >= Math.max(0, bytes.length - (cut ? 3 : 0)); end--) {
    try {
      return STRICT.decode(bytes.subarray(0, end))
    } catch {
      // one byte of a character less
    }
  }
  return null
}

/** The other way. null for base 64 that is none. */
export function readPayload(payload: string, encoding: string): Buffer | null {
  if (encoding === 'utf8') return Buffer.from(payload, 'utf8')
  const bytes = Buffer.from(payload, 'base64')
  return bytes.toString('base64').replace(/=+$/, '') === payload.replace(/=+$/, '') ? bytes : null
}
