// One look of the appliance at itself (`sandpiper card`): leftovers of a write that was cut off are put right, the light is set, secrets that have
// worked are moved, STATUS.txt is written when it is worth a write.
//
// What is always true: nothing here stops the gateway; a card that is full, read-only or broken is told once, in a sentence; the user's file is
// replaced only by a text that means the same, and only after the secrets are safe on the data partition.
import { basename, dirname, resolve } from 'node:path'
import { connections } from '../appliance/connections.ts'
import type { Machine } from '../appliance/machine.ts'
import { CONNECTIONS_FOLDER } from '../appliance/plan.ts'
import type { Clock } from '../clock.ts'
import { bootOffsetMs } from '../clock.ts'
import { isSameConfig } from '../config/sections.ts'
import { digestOf } from '../config/digest.ts'
import { loadLastGood } from '../config/last-good.ts'
import { type Accepted, checkText } from '../config/load.ts'
import { StoredSecrets } from '../config/stored-secrets.ts'
import type { CardFacts } from './facts.ts'
import type { CardFiles } from './files.ts'
import type { Led } from './led.ts'
import { leftOvers, recover, replaceOnCard } from './replace.ts'
import { type Exchange, exchangeSecrets } from './secrets.ts'
import { statusText } from './status-text.ts'
import { ledOf } from './verdict.ts'
import { workedSecrets } from './worked.ts'
import { isDue, NO_WRITES, substanceOf, type Writes, written } from './write-plan.ts'

const CONFIG_FILE = 'gateway.yaml'
const STATUS_FILE = 'STATUS.txt'
/** What the looks of this start of the machine have done. */
const MEMORY = '/run/sandpiper-card/looks.json'
const BOM = '\uFEFF'

export interface LookDeps {
  readonly clock: Clock
  readonly files: CardFiles
  /** Where gateway.yaml is known as, for its relative paths. */
  readonly configFile: string
  readonly state: string
  readonly detectedBoard: string | null
  readonly machine: Machine
  readonly led: Led
  /** Does it while the card can be written to. */
  readonly whileWritable: (write: () => void) => void
}

interface Memory {
  readonly writes: Writes
  /** What was complained of last, so that it is said once. */
  readonly complaint: string | null
}

export interface Looked {
  /** For the log; empty when there is nothing to say. */
  readonly said: readonly string[]
  readonly movedSecrets: number
  readonly wroteStatus: boolean
}

export async function look(facts: CardFacts, deps: LookDeps): Promise<Looked> {
  const { clock, files, machine, led } = deps
  const memory = remembered(machine)
  led.show(ledOf(facts))
  await revive(facts, deps)
  const left = leftOvers(files)
  const moving = await secretsToMove(facts, deps)
  const substance = substanceOf(facts)
  const nowMs = clock.now() + bootOffsetMs
  const isStatusDue = isDue(memory.writes, substance, nowMs)
  if (left.length === 0 && moving === null && !isStatusDue) return { said: [], movedSecrets: 0, wroteStatus: false }
  try {
    deps.whileWritable(() => {
      recover(files, left)
      if (moving !== null) moveSecrets(moving, deps)
      if (isStatusDue) replaceOnCard(files, STATUS_FILE, statusBytes(facts))
    })
    remember(machine, { writes: isStatusDue ? written(memory.writes, substance, nowMs) : memory.writes, complaint: null })
    return { said: [], movedSecrets: moving?.exchanges.length ?? 0, wroteStatus: isStatusDue }
  } catch (error) {
    const complaint = `the card cannot be written to (${(error as Error).message.split('\n')[0]}): the gateway runs on, STATUS.txt is old; try another card`
    // As after a write: a card that is broken is not tried every two minutes.
    remember(machine, { writes: written(memory.writes, substance, nowMs), complaint })
    return { said: memory.complaint === null ? [complaint] : [], movedSecrets: 0, wroteStatus: false }
  }
}

/** An old editor takes the text for UTF-8 by this mark; plain ASCII needs none. */
function statusBytes(facts: CardFacts): Buffer {
  const text = statusText(facts)
  return Buffer.from(/\P{ASCII}/u.test(text) ? BOM + text : text, 'utf8')
}

// ---- secrets

interface Moving {
  readonly accepted: Accepted
  readonly exchanges: readonly Exchange[]
  readonly changed: string
  /** Files of the card that held keys, and that nothing names any more. */
  readonly emptied: readonly string[]
}

/** Keeps the secrets that have worked in the state folder, and answers what the file becomes; null when nothing is to be done. */
async function secretsToMove(facts: CardFacts, deps: LookDeps): Promise<Moving | null> {
  const { text, status, applied } = facts
  if (text === null || status === null || status.config.source !== 'file' || applied?.source !== 'file') return null
  const check = (of: string): Accepted | null => {
    const result = checkText(of, deps.configFile, { state: deps.state, detectedBoard: deps.detectedBoard })
    return 'problems' in result ? null : result
  }
  const accepted = check(text)
  if (accepted === null) return null
  const card = dirname(resolve(deps.configFile))
  // A key that lies elsewhere is not the card's to give away.
  const secrets = accepted.secrets.filter(({ file }) => file === null || dirname(file) === card)
  if (secrets.length === 0) return null
  const digest = digestOf(accepted.text)
  if (status.config.digest !== digest || applied.digest !== digest) return null
  const connectedPaths = await connected(accepted, deps.machine)
  const worked = workedSecrets(secrets, { config: accepted.config, status, connectedPaths })
  if (worked.length === 0) return null
  const store = new StoredSecrets(deps.state)
  const exchanges = worked.map((secret): Exchange => ({ secret, fingerprint: store.keep(secret.bytes) }))
  const isSame = (changed: string): boolean => {
    const again = check(changed)
    return again !== null && isSameConfig(again.config, accepted.config)
  }
  const { text: changed, moved } = exchangeSecrets(accepted.text, exchanges, isSame)
  if (moved.length === 0) return null
  const named = new Set(check(changed)?.files)
  const emptied = moved.flatMap(({ secret: { file } }) => (file === null || named.has(file) ? [] : [basename(file)]))
  return { accepted, exchanges: moved, changed, emptied }
}

/** While the card is writable. The file may have changed since it was read: then it is left for the next look. */
function moveSecrets({ accepted, changed, emptied }: Moving, { files, state }: LookDeps): void {
  const bytes = files.read(CONFIG_FILE)
  const mark = bytes !== null && bytes.toString('utf8').startsWith(BOM) ? BOM : ''
  if (bytes?.equals(Buffer.from(mark + accepted.text, 'utf8')) !== true) return
  replaceOnCard(files, CONFIG_FILE, Buffer.from(mark + changed, 'utf8'))
  for (const name of emptied) files.remove(name)
  if (emptied.length > 0) files.sync()
  const lastGood = loadLastGood(state) ?? ''
  new StoredSecrets(state).tidy((fingerprint) => changed.includes(fingerprint) || lastGood.includes(fingerprint))
}

/** Where those connections stand in the file that NetworkManager has up. */
async function connected({ config }: Accepted, machine: Machine): Promise<ReadonlySet<string>> {
  const active = await activeConnections(machine)
  return new Set(connections(config.network).filter(({ uuid }) => active.has(uuid)).map(({ path }) => path))
}

async function activeConnections(machine: Machine): Promise<ReadonlySet<string>> {
  const { ok, output } = await machine.run('nmcli', ['-t', '-f', 'UUID,STATE', 'connection', 'show', '--active'])
  return new Set(ok ? output.split('\n').filter((line) => line.endsWith(':activated')).map((line) => line.split(':')[0]!) : [])
}

// ---- connections that have given up

/** NetworkManager gives a Wi-Fi network up whose password was refused once, also by a router that was only starting. Nobody is there to try again but us. */
async function revive({ devices }: CardFacts, { machine }: LookDeps): Promise<void> {
  const wantsWifi = machine.list(CONNECTIONS_FOLDER).some((name) => /^type=wifi$/m.test(machine.read(`${CONNECTIONS_FOLDER}/${name}`) ?? ''))
  if (!wantsWifi) return
  for (const { device, type, state } of devices) {
    if (type === 'wifi' && state === 'disconnected') await machine.run('nmcli', ['--wait', '0', 'device', 'connect', device])
  }
}

// ---- memory

function remembered(machine: Machine): Memory {
  try {
    return JSON.parse(machine.read(MEMORY) ?? '') as Memory
  } catch {
    return { writes: NO_WRITES, complaint: null }
  }
}

function remember(machine: Machine, memory: Memory): void {
  try {
    machine.write(MEMORY, JSON.stringify(memory), 0o600)
  } catch {
    // a /run without room: the next look does it all again
  }
}
