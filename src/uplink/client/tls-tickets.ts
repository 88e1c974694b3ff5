// Session tickets of a remote broker (RFC 8446 section 2.2, RFC 5077): with one, the next handshake needs no certificates and is half as long.
//
// What lives here: the newest few, in memory and, now and then, on the shelf. They are secrets: whoever has one and records the connection
// that it begins can read that connection of TLS 1.2, and may take the remote's place for us. So the file is its owner's only, and what it
// holds is worth nothing after two hours: servers take no older ones.
//
// What is always true
//   1. A ticket goes to the host, port and name it came from only, as long as the same authorities are trusted.
//   2. One of TLS 1.3 is offered once (RFC 8446 appendix C.4); one of TLS 1.2 as long as it is taken.
//   3. A handshake that fails has used its ticket up; when it was TLS that refused, all are forgotten, and what is offered is as much as
//      TLS has. So the long handshake's turn comes in any case.
import type { Clock, Timer } from '../../clock.ts'
import type { UplinkConfig } from '../../config/config.ts'
import type { Shelf } from '../../shelf.ts'

/** Of TLS 1.3 a server gives two at first, and one more at each use. */
const TICKETS_MAX = 4
const TICKET_BYTES_MAX = 16 * 1024
/** Flash does not forget a write, and a lost ticket costs one long handshake. */
const WRITE_AFTER_MS = 10 * 60_000
const FILE = 'tls-sessions'

export interface Ticket {
  /** As node:tls gives and takes it. */
  readonly session: Buffer
  /** `TLSv1.3` */
  readonly version: string
}

interface Kept {
  readonly owner: string
  readonly tickets: readonly { readonly session: string; readonly version: string }[]
}

export class TlsTickets {
  readonly #owner: string
  readonly #shelf: Shelf
  readonly #clock: Clock
  #tickets: Ticket[] = []
  #timer: Timer | null = null
  /** The remote has refused a handshake. */
  wasRefused = false

  constructor(config: UplinkConfig, shelf: Shelf, clock: Clock) {
    this.#owner = ownerOf(config)
    this.#shelf = shelf
    this.#clock = clock
  }

  /** Takes what an earlier run has left. What cannot be read is not there. */
  async prepare(): Promise<void> {
    const bytes = await this.#shelf.read(FILE).catch(() => null)
    if (bytes !== null) this.#tickets = ticketsOf(bytes, this.#owner)
  }

  /** The newest, which is not there any more then; null for none. */
  take(): Ticket | null {
    return this.#tickets.pop() ?? null
  }

  add(ticket: Ticket): void {
    if (ticket.session.length > TICKET_BYTES_MAX) return
    this.#tickets.push(ticket)
    if (this.#tickets.length > TICKETS_MAX) this.#tickets.shift()
    this.#timer ??= this.#clock.after(WRITE_AFTER_MS, () => void this.#write())
  }

  /** TLS has failed: no ticket is any good, and nothing smaller than everything is offered again in this run. */
  refused(): void {
    this.wasRefused = true
    this.#tickets = []
  }

  /** Writes what is not written yet. */
  async stop(): Promise<void> {
    if (this.#timer !== null) await this.#write()
  }

  #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    const kept: Kept = { owner: this.#owner, tickets: this.#tickets.map(({ session, version }) => ({ session: session.toString('base64'), version })) }
    return this.#shelf.write(FILE, Buffer.from(JSON.stringify(kept))).catch(() => {}) // the next handshake is a long one, no more
  }
}

/** Whose tickets these are: all that decides whether the certificates of both ends are accepted. */
function ownerOf({ host, port, tlsOptions }: UplinkConfig): string {
  const { ca, identity, servername, alpn, versionMax } = tlsOptions
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
  return hash.update(JSON.stringify([host, port, servername, alpn, versionMax, ca?.toString('base64') ?? null, identity?.cert.toString('base64') ?? null])).digest('base64')
}

function ticketsOf(bytes: Buffer, owner: string): Ticket[] {
  try {
    const kept = JSON.parse(bytes.toString('utf8')) as Kept
    return kept.owner === owner ? kept.tickets.slice(-TICKETS_MAX).map(({ session, version }) => ({ session: Buffer.from(session, 'base64'), version })) : []
  } catch {
    return [] // not ours
  }
}
