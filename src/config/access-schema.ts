// gateway.yaml, `access:`: who may connect. The descriptions are the reference documentation.
//
// What is always true: each user is there once. One of the password file may be named in `users` too, for a tenant and roles; its password
// is in one place only.
import { readAccessFile } from './access-file.ts'
import { aclFile } from './acl-file.ts'
import type { AccessConfig, PasswordConfig, UserConfig } from './config.ts'
import { parsePasswordFile, type PasswordEntry } from './password-file.ts'
import { isFlaw, parsePasswordHash, plainPassword } from './password-hash.ts'
import { clip, type Place } from './place.ts'
import { rules } from './rule-schema.ts'
import { identifier, tenantName, text } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'
import { secret, type Secret } from './secret.ts'
import { tokens } from './token-schema.ts'

const ROLES_MAX = 100

export interface AskedAccess extends AccessConfig {
  /** Somebody can prove who it is, wherever it connects. True also when the proofs could not be read: nobody comes in by that. */
  readonly asksForUsers: boolean
}

interface AskedUser extends UserConfig {
  readonly hasPassword: boolean
}

// ---- users

const roles = list(identifier('the name of a role')).into((names, place): readonly string[] | undefined => {
  return names.length <= ROLES_MAX ? names : place.problem(`${place.name} has ${names.length} roles`, `${ROLES_MAX} at most: put those together that go together`)
})

const user = object({
  name: required('User name, as the client sends it.', text({ expected: 'a user name' })),
  password: optional('Password: text, `{ file: … }` or `{ env: NAME }`. It serves CONNECT with user and password, and SCRAM-SHA-256, which never sends it. Left out for a user of the password file, or one that proves itself by a certificate.', secret()),
  passwordHash: optional('The password’s hash instead, as `sandpiper passwd` and mosquitto_passwd write it (`$argon2id$…`, `$7$…`, `$6$…`): text, `{ file: … }` or `{ env: NAME }`. It serves CONNECT with user and password.', secret()),
  tenant: defaulted('The tenant this user is in.', '', tenantName()),
  roles: defaulted('Names that rules may be about, instead of each user.', [], roles),
}).into((u, place): AskedUser | undefined => {
  if (u.password !== null && u.passwordHash !== null) return place.keyProblem('passwordHash', `${place.name} has both \`password\` and \`passwordHash\``, 'give one of them')
  const hash = u.passwordHash === null ? null : readHash(u.passwordHash, place.key('passwordHash'))
  if (hash === undefined) return undefined
  const plain = u.password?.bytes ?? null
  const { name, tenant, roles } = u
  return { name, password: plain === null ? hash : plainPassword(plain), tenant, roles, hasPassword: u.password !== null || u.passwordHash !== null }
})

function readHash({ bytes }: Secret, place: Place): PasswordConfig | null | undefined {
  if (bytes === null) return null
  const hash = parsePasswordHash(bytes.toString('utf8').trim())
  if (!isFlaw(hash)) return hash
  // What stands in the file itself was good when the file was accepted; what it points to may have changed since.
  const mayBeMissing = place.run.secrets.mode === 'optional' && place.tree.kind === 'map'
  if (!mayBeMissing) return place.problem(`${place.name}: ${hash.message}`, hash.hint)
  place.warning(`${place.name}: ${hash.message}`, hash.hint)
  return null
}

// ---- the password file

interface PasswordList {
  readonly path: string
  readonly entries: readonly PasswordEntry[]
}

const passwordFile = text({ expected: 'a file' }).into((written, place): PasswordList | undefined => {
  const file = readAccessFile(place, written)
  if (file === undefined) return undefined
  const { entries, flaws } = parsePasswordFile(file.bytes ?? Buffer.alloc(0))
  for (const { line, message, hint } of flaws) report(place, `${file.path} line ${line}: ${message}`, hint)
  // No problem: taking the last user away must take effect.
  if (file.bytes !== null && entries.length === 0 && flaws.length === 0) place.warning(`${file.path} has no users yet`, 'add them: `sandpiper passwd FILE NAME`')
  return flaws.length > 0 && place.run.secrets.mode === 'require' ? undefined : { path: file.path, entries }
})

/** Where the gateway must come up anyway, those whose password cannot be read stay out, and the others come in. */
function report(place: Place, message: string, hint: string): void {
  if (place.run.secrets.mode === 'require') place.problem(message, hint)
  else place.warning(message, hint)
}

/** Those of `users` and of the file, each once. */
function join(asked: readonly AskedUser[], file: PasswordList | null, place: Place): UserConfig[] {
  const entries = new Map(file?.entries.map((entry) => [entry.name, entry]))
  const users = asked.map(({ hasPassword, ...user }, i): UserConfig => {
    const entry = entries.get(user.name)
    entries.delete(user.name)
    if (entry === undefined) return user
    if (!hasPassword) return { ...user, password: entry.password }
    report(place.key('users').item(i).key('name'), `the user "${clip(user.name)}" has a password here and on line ${entry.line} of ${file!.path}`, 'a user has one password: remove one of them')
    return user
  })
  for (const { name, password } of entries.values()) users.push({ name, password, tenant: '', roles: [] })
  return users
}

export const access: Schema<AskedAccess> = object({
  users: defaulted('Users that may connect. Who gives a user name is checked on every listener, once there are users.', [], list(user, {
    unique: [{ key: 'name', of: (u) => u.name, message: () => 'this user is there twice', hint: 'a user has one password: remove one of them' }],
  })),
  passwordFile: optional('Password file with more users, one `NAME:HASH` on a line, as `sandpiper passwd` and mosquitto_passwd write it. A relative path starts at the folder of this file.', passwordFile),
  tokens: defaulted('Issuers of JSON Web Tokens that are trusted. A client gives its token as password, or by the authentication method OAUTH2-JWT.', [], tokens),
  rules: defaulted('What clients may do. Where there are rules or an ACL file, what none of them allows is denied; without both, everybody may do everything.', [], rules),
  aclFile: optional('Mosquitto’s ACL file, as it is. It is asked for what no rule above decides. A relative path starts at the folder of this file.', aclFile),
}).into((a, place): AskedAccess => ({
  isWhole: place.run.secrets.mode !== 'optional',
  users: join(a.users, a.passwordFile, place),
  tokens: a.tokens,
  rules: a.aclFile === null ? (a.rules.length === 0 ? [] : [a.rules]) : [a.rules, ...a.aclFile],
  asksForUsers: a.users.some((u) => u.hasPassword) || a.passwordFile !== null || a.tokens.length > 0,
}))
