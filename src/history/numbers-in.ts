// The numbers in a payload. Pure; what is none is left out.

/** Longer payloads are no readings. */
const PAYLOAD_BYTES_MAX = 4096
const NUMBER_BYTES_MAX = 64
/** Of a payload whose fields nobody has named. */
const FIELDS_MAX = 32
const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/
/** What a number is called that has no name. */
export const PLAIN_NAME = 'value'
/** Of the message, not of what was measured: so a simulated sensor's payload has them. */
const NOT_MEASURED = new Set(['time', 'sequence'])

/** A payload that is a number; null for any other. */
export function numberIn(payload: Buffer): number | null {
  if (payload.length === 0 || payload.length > NUMBER_BYTES_MAX) return null
  const text = payload.toString('latin1')
  return NUMBER.test(text) ? finite(Number(text)) : null
}

/** A field of a JSON object, by its name or the way to it: `battery.voltage`, `cells.0`. */
export function fieldIn(json: unknown, field: string): number | null {
  if (!isGroup(json)) return null
  if (Object.hasOwn(json, field)) return finite(json[field])
  let at: unknown = json
  for (const name of field.split('.')) {
    if (!isGroup(at) || !Object.hasOwn(at, name)) return null
    at = at[name]
  }
  return finite(at)
}

/** What `take` gets of a payload whose shape nobody has told: a plain number, or those of a JSON object, by name. */
export function numbersIn(payload: Buffer, take: (name: string, value: number) => void): void {
  const plain = numberIn(payload)
  if (plain !== null) return take(PLAIN_NAME, plain)
  const json = jsonIn(payload)
  if (!isGroup(json)) return
  let fields = 0
  for (const name in json) {
    const value = finite(json[name])
    if (value === null || NOT_MEASURED.has(name)) continue
    if (++fields > FIELDS_MAX) return
    take(name, value)
  }
}

/** undefined for what is no JSON object or list, or too long. */
export function jsonIn(payload: Buffer): unknown {
  if (payload.length > PAYLOAD_BYTES_MAX) return undefined
  const text = payload.toString('utf8')
  if (!/^\s*[{[]/.test(text)) return undefined // an exception for each text would be dear
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
