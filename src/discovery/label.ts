// What the gateway calls itself in the network, as labels of DNS: 63 bytes at most. When somebody else has a name, the next is tried.

const LABEL_BYTES_MAX = 63

export interface Label {
  readonly base: string
  /** From 1 on. */
  readonly attempt: number
}

/** `well-07`, `well-07 (2)`; of a second service of its type `well-07 port 1884`. */
export function instanceLabel({ base, attempt }: Label, port: number | null): string {
  return clipped(base, `${port === null ? '' : ` port ${port}`}${attempt === 1 ? '' : ` (${attempt})`}`)
}

/** `well-07`, `well-07-2`. */
export function hostLabel({ base, attempt }: Label): string {
  return clipped(base, attempt === 1 ? '' : `-${attempt}`)
}

/** Not in the middle of a character. */
function clipped(base: string, suffix: string): string {
  let text = base
  while (Buffer.byteLength(text) + Buffer.byteLength(suffix) > LABEL_BYTES_MAX) text = [...text].slice(0, -1).join('')
  return `${text}${suffix}`
}
