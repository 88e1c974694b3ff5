// A payload as text to be read: JSON is set out, bytes are shown in hexadecimal. Pure.
import type { Payload } from './shapes.ts'

const ROW_BYTES = 16

export function inOneLine({ payload, encoding, bytes }: Payload): string {
  if (bytes === 0) return '(empty)'
  return encoding === 'base64' ? hex(bytesOf(payload).slice(0, 24)) : payload.replaceAll(/\s+/g, ' ')
}

export function setOut({ payload, encoding, cut }: Payload): string {
  if (encoding === 'base64') return rows(bytesOf(payload))
  if (cut || !/^\s*[[{]/.test(payload)) return payload
  try {
    return JSON.stringify(JSON.parse(payload), null, 2)
  } catch {
    return payload
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

function rows(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let i = 0; i < bytes.length; i += ROW_BYTES) {
    const row = bytes.slice(i, i + ROW_BYTES)
    const text = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('')
    lines.push(`${i.toString(16).padStart(4, '0')}  ${hex(row).padEnd(ROW_BYTES * 3 - 1)}  ${text}`)
  }
  return lines.join('\n')
}
