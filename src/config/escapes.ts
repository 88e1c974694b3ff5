// Escapes in bytes that are written as text: delimiters and separators.
// A file may say "\r\n" (YAML already made it two bytes) or '\r\n' (four characters); both mean the same here.

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }

/** The bytes of a text with `\r \n \t \0 \\ \xNN`; null when there is another escape. */
export function parseEscapes(written: string): Buffer | null {
  const parts: Buffer[] = []
  let rest = written
  while (rest !== '') {
    const slash = rest.indexOf('\\')
    const plain = slash < 0 ? rest : rest.slice(0, slash)
    parts.push(Buffer.from(plain, 'utf8'))
    if (slash < 0) break
    const hex = /^\\x([0-9A-Fa-f]{2})/.exec(rest.slice(slash))
    const simple = ESCAPES[rest[slash + 1] ?? '']
    if (hex === null && simple === undefined) return null
    parts.push(hex === null ? Buffer.from(simple!, 'latin1') : Buffer.from(hex[1]!, 'hex'))
    rest = rest.slice(slash + (hex === null ? 2 : 4))
  }
  return Buffer.concat(parts)
}
