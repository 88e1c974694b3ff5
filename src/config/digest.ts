// Which text of a configuration somebody speaks of: what runs, what was applied, what lies on the card. Short, and not secret-proof: it stays on this
// machine, in files that others may not read.
import { createHash } from 'node:crypto'

const CHARS = 16

/** `text` without a byte order mark, as the checks answer it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, CHARS)
}
