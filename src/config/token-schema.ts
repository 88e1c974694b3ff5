// gateway.yaml, `access.tokens`: the issuers of JSON Web Tokens that are trusted. The descriptions are the reference documentation.
import { fits, keysOfPem, keysOfSet, SECRET_BYTES_MIN, secretKey, TOKEN_ALGORITHMS, type TokenAlgorithm, type VerificationKey } from '../keys/verification-keys.ts'
import { readAccessFile } from './access-file.ts'
import type { TokenConfig, TokenKeysConfig } from './config.ts'
import { isLoopback } from './listener-access.ts'
import { clip, type Place } from './place.ts'
import { choice, duration, text } from './scalar.ts'
import { byKey, defaulted, list, object, optional, required, Schema, wordOr } from './schema.ts'
import { readSecretFile, secret, type Secret } from './secret.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const KEY_FILE_BYTES_MAX = 256 * 1024
/** Keys from a URL are never secrets. */
const SIGNATURES = TOKEN_ALGORITHMS.filter((algorithm) => !(algorithm in SECRET_BYTES_MIN))

// ---- keys

const url = text({ expected: 'a URL', secret: true }).into((written, place): URL | undefined => {
  const hint = 'write for example https://id.example.com/realms/site/protocol/openid-connect/certs'
  if (!URL.canParse(written)) return place.problem(`${place.name} is not a URL`, hint)
  const parsed = new URL(written)
  if (parsed.username !== '' || parsed.password !== '') return place.problem(`${place.name} holds a user or password`, 'key sets are public: leave them out')
  if (parsed.protocol === 'http:' && !isLoopback(parsed.hostname.replace(/^\[(.*)\]$/, '$1'))) {
    return place.problem(
      `${place.name} says http://: whoever is on the way could give keys of his own, and tokens with them`,
      'write https://; http:// is for 127.0.0.1, ::1 and localhost only',
    )
  }
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return place.problem(`${place.name} has the scheme ${clip(parsed.protocol)}//, by which no keys are fetched`, hint)
  if (parsed.hash !== '') return place.problem(`${place.name} has a part behind #`, hint)
  return parsed
})

const urlKeys = object({
  jwks: required('Address of the key set (JWKS): https, or http on this machine. Redirects are not followed. The last set is kept in the folder of the store, and serves while the link is down.', url),
  refresh: defaulted('It is fetched again this often, and at once when a token names a key that is not in it (every 30 s at most).', '1h', duration(MINUTE_MS, 7 * DAY_MS)),
  ca: optional('File with the certificate authorities (PEM) to trust for it instead of the system’s.', text({ expected: 'a file' }).into(readAuthorities)),
}).into((k, place): TokenKeysConfig | undefined => {
  if (k.ca !== null && k.jwks.protocol === 'http:') return place.keyProblem('ca', '`ca` is set, but `jwks` says http:// without TLS', 'write https://, or remove `ca`')
  return { kind: 'url', url: k.jwks, refreshMs: k.refresh, ca: k.ca }
})

const fileKeys = object({
  file: required('File with the public keys: PEM (public keys or certificates), or a key set (JWKS) in JSON.', text({ expected: 'a file' }).into(readKeys)),
}).into((k): TokenKeysConfig => ({ kind: 'fixed', keys: k.file }))

const secretKeys = object({
  secret: required('A secret shared with the issuer, for HS256, HS384 and HS512: text, `{ file: … }` or `{ env: NAME }`. At least 32, 48 and 64 bytes; whoever has it can make tokens.', secret().into(checkSecret)),
}).into((k): TokenKeysConfig => ({ kind: 'fixed', keys: k.secret }))

const keys = byKey('the keys of an issuer', { jwks: urlKeys, file: fileKeys, secret: secretKeys })

function readAuthorities(path: string, place: Place): Buffer | undefined {
  const read = readSecretFile(place, path)
  if (read === undefined) return undefined
  if (read.bytes === null) return Buffer.alloc(0) // trusts nobody
  if (!read.bytes.includes('-----BEGIN CERTIFICATE-----')) return place.problem(`${clip(path)} holds no PEM certificate`, 'it must have lines -----BEGIN CERTIFICATE-----')
  return read.bytes
}

function readKeys(written: string, place: Place): readonly VerificationKey[] | undefined {
  const file = readAccessFile(place, written)
  if (file === undefined || file.bytes === null) return file === undefined ? undefined : []
  try {
    if (file.bytes.length > KEY_FILE_BYTES_MAX) throw new Error(`it is larger than ${KEY_FILE_BYTES_MAX / 1024} KiB`)
    const keyText = file.bytes.toString('utf8')
    return /^\s*\{/.test(keyText) ? keysOfSet(keyText, true) : keysOfPem(keyText)
  } catch (error) {
    const message = `${file.path} cannot be used: ${(error as Error).message}`
    const hint = 'give the public keys of the issuer only: lines -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE-----, or a JSON Web Key Set'
    if (place.run.secrets.mode === 'require') return place.problem(message, hint, 'E_SECRET')
    place.warning(message, hint, 'E_SECRET')
    return []
  }
}

function checkSecret({ bytes }: Secret, place: Place): readonly VerificationKey[] | undefined {
  if (bytes === null) return []
  if (bytes.length >= SECRET_BYTES_MIN.HS256) return [secretKey(bytes)]
  return place.problem(`${place.name} has ${bytes.length} bytes, and HS256 needs ${SECRET_BYTES_MIN.HS256}`, 'make a longer one, for example with openssl rand -base64 48 (RFC 7518 section 3.2)')
}

// ---- algorithms

/** Those of `asked` that can be used; null asks for all that the keys fit. */
function algorithmsOf(asked: readonly TokenAlgorithm[] | null, config: TokenKeysConfig, place: Place): readonly TokenAlgorithm[] | undefined {
  if (config.kind === 'fixed' && config.keys.length === 0) return asked ?? TOKEN_ALGORITHMS // of keys that could not be read
  const isPossible = (algorithm: TokenAlgorithm): boolean => config.kind === 'fixed' && config.keys.some((key) => fits(key, algorithm) && isLong(key, algorithm))
  const possible = config.kind === 'url' ? SIGNATURES : TOKEN_ALGORITHMS.filter(isPossible)
  const wrong = asked?.findIndex((algorithm) => !possible.includes(algorithm)) ?? -1
  if (wrong < 0) return asked ?? possible
  const isSecret = config.kind === 'fixed' && config.keys.some((key) => key.kind === 'secret')
  const hint = `they are for ${possible.join(', ')}${isSecret ? ': HS384 needs a secret of 48 bytes, HS512 of 64' : ''}`
  return place.key('algorithms').item(wrong).problem(`${asked![wrong]} cannot be used with \`keys\``, hint)
}

function isLong({ kind, key }: VerificationKey, algorithm: TokenAlgorithm): boolean {
  return kind !== 'secret' || key.symmetricKeySize! >= SECRET_BYTES_MIN[algorithm as keyof typeof SECRET_BYTES_MIN]
}

const algorithm = new Schema<TokenAlgorithm>('an algorithm', { enum: TOKEN_ALGORITHMS }, (place) => {
  const { tree } = place
  if (tree.kind !== 'scalar' || String(tree.value).toLowerCase() !== 'none') return choice(TOKEN_ALGORITHMS).check(place)
  return place.problem('tokens without a signature are never accepted', `write ${TOKEN_ALGORITHMS.join(', ')}, those that the issuer uses`)
})

// ---- claims

function claim(): Schema<string> {
  return text({ expected: 'the name of a claim', pattern: /^[^\p{Cc}]{1,256}$/u, hint: 'write for example realm_access.roles: dots are between the levels' })
}

function oneOrMore(item: Schema<string>, min: 0 | 1): Schema<readonly string[]> {
  const several = list(item, { min })
  return new Schema(`${item.expected}, or a list`, { anyOf: [item.json, several.json] }, (place): readonly string[] | undefined => {
    if (place.tree.kind === 'list') return several.check(place)
    const value = item.check(place)
    return value === undefined ? undefined : [value]
  })
}

/** `true` for `whenTrue`; false as if nothing were there. */
function trueOr<T>(expected: string, whenTrue: T, group: Schema<T>): Schema<T | null> {
  const word = new Schema<T | null>(expected, { type: 'boolean' }, (place) => {
    const { tree } = place
    if (tree.kind !== 'scalar' || typeof tree.value !== 'boolean') return place.wrong(expected, `write ${expected}`)
    return tree.value ? whenTrue : null
  })
  return wordOr(word, group)
}

const keycloak = object({
  client: required('A client of the realm: its roles for the user (resource_access.CLIENT.roles) become roles too.', text({ expected: 'the name of a client' })),
}).into((k): { readonly client: string | null } => k)

const scopes = object({
  claim: defaulted('The claim that has the scopes: a text with blanks between them, or a list.', 'scope', claim()),
  prefix: defaulted('What the scopes for this gateway begin with (`resource_server_id` and a dot, at RabbitMQ). Others are passed over.', '', text({ expected: 'text', empty: true })),
})

const token = object({
  issuer: optional('What the claim iss must be, to the letter. May be left out where there is one entry only.', text({ expected: 'the issuer of the tokens' })),
  audience: optional('One of these must be in the claim aud. Without it, tokens that the issuer made for other services are accepted here too: give it.', oneOrMore(text({ expected: 'an audience' }), 1)),
  keys: required('The keys of the issuer: `{ jwks: URL }`, `{ file: … }` or `{ secret: … }`.', keys),
  algorithms: optional('Accepted algorithms. Default: all that fit the keys.', list(algorithm, { min: 1 })),
  clockTolerance: defaulted('The clocks of issuer and gateway may differ by this much: tokens are valid so much longer and earlier.', '30s', duration(0, 10 * MINUTE_MS)),
  username: defaulted('The claim that has the user name: a name, or a path with a dot between levels. It need not be a user of `users`.', 'sub', claim()),
  tenant: optional('The claim that has the tenant. A token without it is good for the tenant of a listener only.', claim()),
  roles: defaulted('Claims that have roles, for the rules about what clients may do: lists, or texts with blanks.', [], oneOrMore(claim(), 0)),
  keycloak: optional('The roles that Keycloak puts into realm_access.roles become roles. `{ client: NAME }`: those of this client too.', trueOr('true or `{ client: … }`', { client: null }, keycloak)),
  scopes: optional('Scopes as RabbitMQ has them say what the client may do: `read:VHOST/TOPIC` receive and subscribe, `write:VHOST/TOPIC` publish.', trueOr('true or `{ claim: …, prefix: … }`', { claim: 'scope', prefix: '' }, scopes)),
  permissions: optional('A claim that says what the client may do: `{ publish: [filters], subscribe: […], receive: […], read: […], all: […] }`.', claim()),
}).into((t, place): TokenConfig | undefined => {
  const algorithms = algorithmsOf(t.algorithms, t.keys, place)
  if (algorithms === undefined) return undefined
  const { audience, clockTolerance, ...rest } = t
  return { ...rest, algorithms, audiences: audience, clockToleranceMs: clockTolerance }
})

export const tokens: Schema<readonly TokenConfig[]> = list(token, {
  unique: [{ key: 'issuer', of: (t) => t.issuer, message: (issuer) => `the issuer ${clip(issuer)} is there twice`, hint: 'put its keys into one entry: which of two would hold for a token?' }],
}).into((all, place): readonly TokenConfig[] | undefined => {
  const nameless = all.length < 2 ? -1 : all.findIndex((t) => t.issuer === null)
  if (nameless >= 0) {
    return place.item(nameless).problem(
      '`issuer` is missing, and there are several entries: a token could be checked with the keys of another issuer',
      'add `issuer: …`: what the claim iss of its tokens is',
    )
  }
  const unlike = all.findIndex((t, i) => all.slice(0, i).some((other) => isOtherwise(t.keys, other.keys)))
  if (unlike < 0) return all
  return place.item(unlike).key('keys').problem('the same key set is fetched with another `refresh` or `ca` above', 'it is fetched once for all entries: give both the same')
})

/** Of the same address, fetched in another way. */
function isOtherwise(a: TokenKeysConfig, b: TokenKeysConfig): boolean {
  if (a.kind !== 'url' || b.kind !== 'url' || a.url.href !== b.url.href) return false
  return a.refreshMs !== b.refreshMs || (a.ca === null ? b.ca !== null : b.ca === null || !a.ca.equals(b.ca))
}
