// Who may connect, and what they may do: password_file and acl_file → `access`.
//
//   doors (a listener each, with its files) ─► one set of users and rules for all ─► what speaks against a door under that set
//
// With per_listener_settings every listener of Mosquitto's has users and rules of its own; gateway.yaml has one set for all. It is that of
// the first listener that has files and could be opened.
//
// Always true: under that set no door lets in others than Mosquitto did, or to more; one that would has a reason against it.
// No password and no hash is in a text.
import { readBounded } from '../config/access-file.ts'
import { parseAclFile } from '../config/acl-file.ts'
import { parsePasswordFile } from '../config/password-file.ts'
import type { Settings } from './conf.ts'
import type { Line } from './conf-file.ts'
import { addReason, type Item } from './draft.ts'
import { place, type Findings } from './findings.ts'
import { path } from './values.ts'

/** What was read of a file. */
interface Content {
  /** Why it cannot be used. Empty: it can. */
  readonly flaws: readonly string[]
  readonly namesUsers: boolean
  /** A user with + or # in its name. */
  readonly wildUser: string | null
  /** A user with a byte as \ and two digits in its name, as Mosquitto has letters beyond ASCII in subjects. */
  readonly escapedUser: string | null
  /** It has patterns with %c or %u. */
  readonly fillsIn: boolean
  /** It has patterns without them. */
  readonly hasPlainPatterns: boolean
}

/** A file that a line names. */
export interface AccessFile extends Content {
  readonly line: Line
  readonly path: string
}

/** Those of one listener, or of all. */
export interface AccessSet {
  readonly passwords: AccessFile | null
  readonly acl: AccessFile | null
}

/** How a client says who it is: by CONNECT, by its certificate, or with a certificate and then by CONNECT all the same. */
export type Proof = 'connect' | 'certificate' | 'both'

export interface Door {
  readonly item: Item
  readonly set: AccessSet
  readonly proof: Proof
  /** The line that asks for certificates; null for none. */
  readonly certificates: Line | null
  /** Mosquitto lets clients in that give no user. */
  readonly anonymous: boolean
  /** What says so; null when that is the default. */
  readonly allowed: Line | null
  /** The user name is the subject of the certificate. */
  readonly bySubject: boolean
}

/** The keys of `access`. What speaks against a door is with its item afterwards. */
export function accessOf(doors: readonly Door[], findings: Findings): Item[] {
  for (const door of doors) againstItself(door, findings)
  const chosen = choose(doors)
  for (const door of doors) {
    againstPasswords(door, chosen, findings)
    againstAcl(door, chosen, findings)
  }
  tellOfFiles(doors, chosen, findings)
  return itemsOf(chosen)
}

function itemsOf({ passwords, acl }: AccessSet): Item[] {
  const item = (key: string, file: AccessFile | null): Item[] => (file === null ? [] : [{ line: file.line, value: { [key]: file.path }, reasons: [...file.flaws] }])
  return [...item('passwordFile', passwords), ...item('aclFile', acl)]
}

// ---- reading

/** Reads the files that lines name, each once. */
export class AccessFiles {
  readonly #findings: Findings
  readonly #read = new Map<string, Content>()

  constructor(findings: Findings) {
    this.#findings = findings
  }

  setOf(security: Settings): AccessSet {
    return {
      passwords: this.#file(security.take('password_file'), readPasswords),
      acl: this.#file(security.take('acl_file'), readAcl),
    }
  }

  #file(line: Line | null, read: (path: string) => Content): AccessFile | null {
    const named = path(line, this.#findings)
    if (line === null) return null
    if (named === null) return { line, path: '', flaws: [`${line.name} names no file`], ...NOTHING }
    const key = `${line.name} ${named}`
    const known = this.#read.get(key) ?? read(named)
    this.#read.set(key, known)
    return { line, path: named, ...known }
  }
}

const NOTHING = { namesUsers: false, wildUser: null, escapedUser: null, fillsIn: false, hasPlainPatterns: false } as const

const FILLED_IN = /\{(clientId|username)\}/ // as parseAclFile has %c and %u

function readPasswords(path: string): Content {
  const bytes = readBounded(path)
  if (typeof bytes === 'string') return unreadable(path, bytes)
  const { entries, flaws } = parsePasswordFile(bytes)
  const wildUser = entries.find(({ name }) => /[+#]/.test(name))?.name ?? null
  return { ...NOTHING, flaws: flaws.map((flaw) => sentence(path, flaw)), namesUsers: entries.length > 0, wildUser }
}

function readAcl(path: string): Content {
  const bytes = readBounded(path)
  if (typeof bytes === 'string') return unreadable(path, bytes)
  const { layers, flaws } = parseAclFile(bytes, path)
  const [own, patterns] = layers
  const users = [...new Set(own.flatMap(({ who }) => who.users ?? []))]
  return {
    ...NOTHING,
    flaws: flaws.map((flaw) => sentence(path, flaw)),
    namesUsers: users.length > 0,
    escapedUser: users.find((name) => /\\[89A-F][0-9A-F]/i.test(name)) ?? null,
    fillsIn: patterns.some(({ filter }) => FILLED_IN.test(filter)),
    hasPlainPatterns: patterns.some(({ filter }) => !FILLED_IN.test(filter)),
  }
}

function unreadable(path: string, why: string): Content {
  return { ...NOTHING, flaws: [`${path} ${why}; import it where it is, as a user that may read it`] }
}

function sentence(path: string, { line, message, hint }: { readonly line: number; readonly message: string; readonly hint: string }): string {
  return `${path} line ${line}: ${message}; ${hint}`
}

// ---- one set for all

/** Those of the first listener that could be opened; passwords, which it may do without, else of the first that has the same rules. */
function choose(doors: readonly Door[]): AccessSet {
  const filesOf = (door: Door): AccessFile[] => [passwordsOf(door), door.set.acl].filter((file) => file !== null)
  const canOpen = (door: Door): boolean => door.item.reasons.length === 0 && filesOf(door).every(isGood)
  const those = doors.filter((door) => filesOf(door).length > 0)
  const first = those.find(canOpen) ?? those.find((door) => filesOf(door).every(isGood)) ?? those[0] ?? doors.find(({ set }) => set.passwords !== null)
  if (first === undefined) return { passwords: null, acl: null }
  const { acl } = first.set
  const alike = those.filter((door) => door.set.acl?.path === acl?.path && isGood(passwordsOf(door)))
  const other = alike.find(canOpen) ?? alike[0]
  return { passwords: passwordsOf(first) ?? other?.set.passwords ?? first.set.passwords, acl }
}

/** Who comes by a certificate needs no password. */
function passwordsOf({ set, proof }: Door): AccessFile | null {
  return proof === 'connect' ? set.passwords : null
}

function isGood(file: AccessFile | null): file is AccessFile {
  return file !== null && file.flaws.length === 0
}

function isSame(a: AccessFile, b: AccessFile | null): boolean {
  return b !== null && a.path === b.path
}

// ---- what speaks against a door

/** Whatever the set will be. */
function againstItself(door: Door, findings: Findings): void {
  const { item, set, proof, anonymous, allowed, bySubject } = door
  const { reasons } = item
  const { passwords, acl } = set
  if (proof === 'both') againstBoth(door, findings)
  if (proof === 'connect' && !anonymous && passwords === null) {
    const asks = allowed === null ? 'it asks for users (Mosquitto 2.0 does, unless `allow_anonymous true` is said)' : `it asks for users (${place(allowed)})`
    addReason(reasons, `${asks}, and has no password_file: nobody could connect`)
  }
  if (acl === null) return
  // Mosquitto keeps all patterns from such a name; here only those that its name is put into.
  if (proof === 'connect' && acl.hasPlainPatterns && isGood(passwords) && passwords.wildUser !== null) {
    addReason(reasons, `no \`pattern\` of ${acl.path} is for the user ${passwords.wildUser}, whose name has + or #; here those without %c and %u would be: give it another name`)
  }
  if (bySubject && acl.escapedUser !== null) {
    addReason(reasons, `${acl.path} has the user ${acl.escapedUser}, and letters beyond ASCII stand as they are in a user name here: write them so, not as \\ and two digits`)
  }
}

/** A certificate for the connection alone: here it is who the client is. Nobody is let in by that who could not come without a user before. */
function againstBoth({ item, set, certificates, anonymous }: Door, findings: Findings): void {
  const asked = `it asks for a certificate (${place(certificates!)})`
  const here = 'here a certificate alone says who its client is, as in Mosquitto with use_identity_as_username'
  if (!anonymous) addReason(item.reasons, `${asked}, and for user and password besides: ${here}`)
  else if (set.acl !== null) addReason(item.reasons, `${asked}, and the rules of ${set.acl.path} go by the user name of CONNECT: ${here}`)
  else findings.changed(certificates!, 'the common name of its certificate is the user of a client, which must have one; user and password of CONNECT are not looked at')
}

function againstPasswords(door: Door, { passwords: chosen }: AccessSet, findings: Findings): void {
  const { anonymous, item } = door
  const { reasons, line } = item
  const own = passwordsOf(door)
  if (own === null) {
    const isNew = door.proof === 'connect' && anonymous && isGood(chosen)
    if (isNew && line !== null) findings.changed(line, `who gives a user name there needs its password in ${chosen.path}: gateway.yaml has one set of users for all listeners`)
  } else if (own.flaws.length > 0) {
    // Where everybody is let in it may be missing, as long as no names of another listener would count instead.
    if (!anonymous || isGood(chosen)) addReason(reasons, `its password_file (${place(own.line)}) cannot be used: ${own.flaws[0]}`)
  } else if (!isSame(own, chosen)) addReason(reasons, notTheSame('users', own, chosen))
}

function againstAcl({ item, set, proof, anonymous }: Door, { acl: chosen }: AccessSet, findings: Findings): void {
  const { reasons } = item
  const own = set.acl
  if (own === null) {
    if (isGood(chosen)) addReason(reasons, `it has no acl_file, and the rules of ${chosen.path} (${place(chosen.line)}) are for all listeners here: its clients could do only what those allow`)
  } else if (own.flaws.length > 0) addReason(reasons, `its acl_file (${place(own.line)}) cannot be used: ${own.flaws[0]}`)
  else if (!isSame(own, chosen)) addReason(reasons, notTheSame('rules', own, chosen))
  else if (proof === 'connect' && anonymous && !isGood(set.passwords) && own.namesUsers) {
    findings.changed(own.line, 'where there is no password_file a user name proves nothing: who gives one may do what clients without one may, and not what is below `user`')
  }
}

function notTheSame(what: string, own: AccessFile, chosen: AccessFile | null): string {
  const others = chosen === null ? `where another listener has no ${what}` : `that of ${chosen.path} (${place(chosen.line)})`
  return `its ${what} are those of ${own.path} (${place(own.line)}), and gateway.yaml has one set for all listeners, ${others}`
}

// ---- the report

function tellOfFiles(doors: readonly Door[], chosen: AccessSet, findings: Findings): void {
  if (isGood(chosen.acl) && chosen.acl.fillsIn) findings.changed(chosen.acl.line, 'a client whose identifier or user name has a / gets nothing by %c and %u: it could reach topics of others by that')
  for (const { set, proof } of doors) {
    if (set.acl !== null) tellOf(set.acl, chosen.acl, findings)
    if (set.passwords === null) continue
    if (proof === 'connect' || isSame(set.passwords, chosen.passwords)) tellOf(set.passwords, chosen.passwords, findings)
    else findings.leftOut(set.passwords.line, 'its clients are known by their certificates, and no password is asked for')
  }
}

function tellOf(own: AccessFile, chosen: AccessFile | null, findings: Findings): void {
  const more = own.flaws.length > 1 ? ` (and ${own.flaws.length - 1} more)` : ''
  if (own.flaws.length > 0) findings.leftOut(own.line, `${own.flaws[0]}${more}`)
  else if (!isSame(own, chosen)) findings.leftOut(own.line, `gateway.yaml has one such file for all listeners: ${chosen === null ? 'another listener has none' : `${chosen.path} is taken`}`)
}
