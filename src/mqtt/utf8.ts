// Well-formed UTF-8 as MQTT wants it (section 1.5.4): no surrogates, no U+0000. The runtime's decoder would
// put U+FFFD in the place of a mistake, and two different topics would become one.
import { isUtf8 } from 'node:buffer'
import { malformed } from './reason.ts'

/** Throws unless `bytes[start, end)` is a valid UTF-8 Encoded String [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
export function checkUtf8(bytes: Buffer, start: number, end: number): void {
  let ascii = true
  for (let i = start; i < end; i++) {
    const b = bytes[i]!
    if (b === 0) throw malformed('string has U+0000')
    if (b >= 0x80) ascii = false
  }
  if (!ascii && !isUtf8(bytes.subarray(start, end))) throw malformed('string is not valid UTF-8')
}
