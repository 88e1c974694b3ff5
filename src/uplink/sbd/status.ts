// What the result of an SBD session means: the MO status of +SBDIX (ISU AT Command Reference, +SBDIX), and how long to wait before the next try.
// Pure: numbers in, a verdict and a sentence out.
//
//   0…4      it has arrived
//   again    this try has failed: at once or nearly so, then less often
//   later    the network or the modem says when
//   smaller  no message of this size will ever be taken
//   blocked  somebody has to do something first

export interface Verdict {
  readonly kind: 'again' | 'later' | 'smaller' | 'blocked'
  /** For `later` and `blocked`: not before so long. */
  readonly waitMs: number
  /** For the operator, to stand behind "the session failed:". */
  readonly why: string
}

export const MO_SUCCESS_MAX = 4

const MINUTE_MS = 60_000

/** The network wants three minutes between registrations, and a session is one. */
const REGISTRATION_MS = 3 * MINUTE_MS
/** What only a person mends is looked at this often. */
export const BLOCKED_MS = 30 * MINUTE_MS

function again(why: string): Verdict {
  return { kind: 'again', waitMs: 0, why }
}

function later(waitMs: number, why: string): Verdict {
  return { kind: 'later', waitMs, why }
}

function blocked(why: string): Verdict {
  return { kind: 'blocked', waitMs: BLOCKED_MS, why }
}

const VERDICTS: ReadonlyMap<number, Verdict> = new Map([
  [10, again('the network did not finish it in time')],
  [11, later(5 * MINUTE_MS, 'the network keeps no more messages of this modem: collect them on the other side')],
  [12, { kind: 'smaller', waitMs: 0, why: 'the message has too many segments' }],
  [13, again('the network did not finish it')],
  [14, { kind: 'smaller', waitMs: 0, why: 'the message has a segment of a wrong size' }],
  [15, blocked('the network denies access: ask the provider whether this modem (IMEI) is activated')],
  [16, blocked('the modem is locked: ask the provider for the key, and unlock it with AT+CULK')],
  [17, again('the network does not answer')],
  [18, again('the satellite was lost')],
  [19, again('the call was broken off')],
  [32, again('there is no network: the antenna needs a clear view of the sky')],
  [33, blocked('the antenna is faulty: check its plug and its cable')],
  [34, blocked('the radio is switched off: switch it on with AT*R1')],
  [35, again('the modem is busy')],
  [36, later(REGISTRATION_MS, 'the network wants three minutes between two registrations')],
  [37, later(15 * MINUTE_MS, 'the service is out of order for a while')],
  [38, later(5 * MINUTE_MS, 'the network has too much traffic')],
  [64, blocked('the modem may not send on this band: check the modem and its firmware')],
  [65, blocked('the modem cannot hold its frequency: check whether it is too hot, too cold or broken')],
])

/** The modem answered ERROR. */
export const REFUSED = again('the modem refused it')
/** It found the network and not its mailbox. */
export const MAILBOX_FAILED = again('the mailbox could not be looked into')

/** What to do after a session that ended with this MO status; null when the message has arrived. */
export function verdictOf(status: number): Verdict | null {
  if (status <= MO_SUCCESS_MAX) return null
  return VERDICTS.get(status) ?? again(`status ${status}, which is reserved for failures`)
}

/**
 * Milliseconds before the next try. After a failure that may pass: within 5 s twice, within 30 s twice, then every five minutes
 * and a little, as Iridium advises; otherwise what the verdict says and up to a tenth more. `failures` counts those in a row, this one too;
 * `random` is 0 ≤ x < 1.
 */
export function waitAfter(verdict: Verdict, failures: number, random: number): number {
  if (verdict.kind === 'smaller') return 0
  if (verdict.kind !== 'again') return verdict.waitMs * (1 + random / 10)
  if (failures <= 2) return random * 5000
  return failures <= 4 ? random * 30_000 : (5 + random) * MINUTE_MS
}
