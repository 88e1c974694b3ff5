// Secrets: written in the file, in a file of their own, in an environment variable, or in the gateway's state, where the appliance has moved
// them from the file (card/secrets.ts). Their values never enter a message.
//
// A secret that cannot be read is E_SECRET at its place. When the gateway must come up anyway (`optional`), it is a warning
// and the answer is null: the uplink keeps its queue and is turned away by the cloud, and the site runs.
import { closeSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Place } from './place.ts'
import { text } from './scalar.ts'
import { object, optional, Schema, wordOr } from './schema.ts'
import { FINGERPRINT_PATTERN } from './stored-secrets.ts'

const SECRET_BYTES_MAX = 65_535 // the longest password MQTT carries, and more than any certificate chain

/** A secret's bytes, or null when it may be and is missing. */
export interface Secret {
  readonly bytes: Buffer | null
}

const reference = object({
  file: optional('File that holds it; a newline at its end does not count. A relative path starts at the folder of this file.', text({ expected: 'a file' })),
  env: optional('Environment variable that holds it.', text({ expected: 'the name of an environment variable', pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, hint: 'write its name without $' })),
  stored: optional('The gateway has stored it and wrote this in its place. To change it, write the new one as text.', text({ expected: 'what the gateway wrote there', pattern: FINGERPRINT_PATTERN, hint: 'write the secret itself, or the name of its file' })),
}).into((r, place): Secret | undefined => {
  const [first, second] = (['file', 'env', 'stored'] as const).filter((key) => r[key] !== null)
  if (second !== undefined) return place.keyProblem(second, `${place.name} has both \`${first}\` and \`${second}\``, 'give one of them')
  if (r.file !== null) return readSecretFile(place.key('file'), r.file)
  if (r.env !== null) return readVariable(place.key('env'), r.env)
  if (r.stored !== null) return readStored(place.key('stored'), r.stored)
  return place.problem(`${place.name} has no \`file\` or \`env\``, 'write `{ file: /etc/sandpiper/NAME }` or `{ env: NAME }`')
})

export function secret(): Schema<Secret> {
  return wordOr(
    written(text({ expected: 'text, `{ file: … }` or `{ env: NAME }`', secret: true, hint: 'put the password in quotes, or write `{ file: /etc/sandpiper/NAME }`' }).into((value, place): Secret => {
      const bytes = Buffer.from(value, 'utf8')
      place.run.writtenSecrets.push({ path: place.path, start: place.tree.start, bytes, file: null })
      return { bytes }
    })),
    reference,
  )
}

/** Whoever shows a configuration knows by it what to leave out (hidden.ts): JSON Schema's word for a value that is given and never told. */
function written<T>({ expected, json, check }: Schema<T>): Schema<T> {
  return new Schema(expected, { ...json, writeOnly: true }, check)
}

/** A private key: the name of its file, or what `secret` takes besides text. */
export function keyFile(): Schema<Secret> {
  return wordOr(
    text({ expected: 'a file' }).into((path, place) => {
      const read = readSecretFile(place, path)
      if (read?.bytes) place.run.writtenSecrets.push({ path: place.path, start: place.tree.start, bytes: read.bytes, file: resolve(place.run.folder, path) })
      return read
    }),
    reference,
  )
}

/** A file with a secret or a certificate, read to its end without the last newline. */
export function readSecretFile(place: Place, path: string): Secret | undefined {
  if (place.run.secrets.mode === 'skip') return { bytes: null }
  const absolute = resolve(place.run.folder, path)
  place.run.files.add(absolute)
  let bytes: Buffer
  try {
    bytes = readBounded(absolute)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return missing(place, `${absolute} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? (error as Error).message})`}`, 'write the secret there, or make it readable for the user of the gateway')
  }
  const end = bytes.length - (bytes.at(-1) !== 0x0a ? 0 : bytes.at(-2) === 0x0d ? 2 : 1)
  if (end === 0) return missing(place, `${absolute} is empty`, 'write the secret into it')
  if (end > SECRET_BYTES_MAX) return missing(place, `${absolute} is longer than ${SECRET_BYTES_MAX} bytes`, 'point to the file with the secret')
  return { bytes: bytes.subarray(0, end) }
}

function readVariable(place: Place, name: string): Secret | undefined {
  if (place.run.secrets.mode === 'skip') return { bytes: null }
  const value = place.run.secrets.env[name]
  if (value !== undefined && value !== '') return { bytes: Buffer.from(value, 'utf8') }
  return missing(place, `the environment variable ${name} is not set`, 'set it for the gateway (systemd: EnvironmentFile=), or use `{ file: … }`')
}

function readStored(place: Place, fingerprint: string): Secret | undefined {
  const { mode, stored } = place.run.secrets
  if (mode === 'skip' || stored === 'elsewhere') return { bytes: null }
  const bytes = stored?.read(fingerprint) ?? null
  if (bytes !== null) return { bytes }
  return missing(place, 'this secret was stored on another gateway', 'write it again: a password as text in quotes, a key as the name of its file')
}

function missing(place: Place, message: string, hint: string): Secret | undefined {
  if (place.run.secrets.mode === 'require') return place.problem(message, hint, 'E_SECRET')
  place.warning(message, hint, 'E_SECRET')
  return { bytes: null }
}

function readBounded(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(SECRET_BYTES_MAX + 3) // with CR LF, and one more to see that it is too long
    let length = 0
    for (;;) {
      const read = readSync(file, bytes, length, bytes.length - length, null)
      length += read
      if (read === 0 || length === bytes.length) return bytes.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}
