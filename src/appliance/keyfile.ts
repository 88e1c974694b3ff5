// NetworkManager's keyfiles: a GLib key file, `[group]` and `key=value`. What values may hold is escaped as GLib undoes it, so that any password
// arrives as it was written.

/** Values by key, by group, in the order in which they are written. */
export type Groups = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Values must be escaped already: `keyfileValue`, or made of digits and letters. A line break in one would be a line of its own. */
export function keyfileText(groups: Groups): string {
  const parts = Object.entries(groups).map(([name, values]) => [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key}=${value}`), ''].join('\n'))
  return `# Made from gateway.yaml at each start: changes here do not last.\n${parts.join('\n')}`
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': String.raw`\\`, '\n': String.raw`\n`, '\t': String.raw`\t`, '\r': String.raw`\r`, ' ': String.raw`\s` }

/** One text (GLib, g_key_file_get_string): blanks at its ends would be cut off, and a backslash begins an escape. */
export function keyfileValue(text: string): string {
  return text.replaceAll(/[\\\n\t\r]|^ +| +$/g, (found) => [...found].map((c) => ESCAPES[c]!).join(''))
}

/** Bytes as NetworkManager takes them for an SSID, which may be of any bytes: `83;97;`. A text would be ambiguous: "1;2;" is one too. */
export function keyfileBytes(text: string): string {
  return [...Buffer.from(text, 'utf8')].map((byte) => `${byte};`).join('')
}

/** Items of a list, none of which holds a `;`. */
export function keyfileList(items: readonly string[]): string {
  return items.map((item) => `${item};`).join('')
}
