// The AT commands of an Iridium modem that this gateway uses, and what their answers say (ISU AT Command Reference, versions 2.45 and 5;
// names are those of the commands there). Pure.
import { BLOCK_BYTES_MAX, checksum } from './at-parser.ts'
import type { AtCommand } from './at-port.ts'
import { MO_SUCCESS_MAX } from './status.ts'

/** What an ordinary command may take. */
const PLAIN_MS = 5000
/** +CSQ waits for a new reading, up to 50 s without a network. */
const SIGNAL_MS = 60_000
/** Sessions end within a minute or so; one that does not has lost its modem. */
const SESSION_MS = 180_000
/** Between the bytes of a transfer the modem does something else. */
const TRANSFER_MS = 10_000
const BITS_PER_BYTE = 10

function plain(text: string): AtCommand {
  return { text, information: null, timeoutMs: PLAIN_MS }
}

export interface Setup {
  readonly command: AtCommand
  /** The modem is of no use without it. */
  readonly isNeeded: boolean
  readonly tells?: 'imei' | 'model'
}

/** What is said to a modem that answers AT. The identity comes after the plain commands: its digits show that answers belong to their commands. */
export function setupOf(hardwareFlow: boolean): readonly Setup[] {
  return [
    { command: plain('ATE0'), isNeeded: true },
    { command: plain('ATV1'), isNeeded: true },
    { command: plain(hardwareFlow ? 'AT&K3' : 'AT&K0'), isNeeded: true },
    { command: { ...plain('AT+CGSN'), information: /^\d{15}$/ }, isNeeded: true, tells: 'imei' },
    { command: { ...plain('AT+CGMM'), information: /^(?!AT)\S.*$/ }, isNeeded: false, tells: 'model' },
    { command: plain('AT+SBDMTA=1'), isNeeded: true },
    { command: plain('AT+CIER=1,1,0'), isNeeded: false },
  ]
}

/** Tries of AT before the modem counts as dead: together longer than a session that an earlier process began. */
export const SYNC_TRIES_MAX = 8

/**
 * Are you there? From the second time on it fills what a broken off +SBDWB may still wait for: to a modem that waits for a command these are
 * empty ones. Q0 is for one that was told to be quiet.
 */
export function sync(tries: number, bytesMax: number, baud: number): AtCommand {
  if (tries === 0) return { ...plain('AT'), timeoutMs: 1000 }
  const fill = '\r'.repeat(bytesMax + 2)
  return { ...plain(`${fill}ATQ0`), timeoutMs: Math.min(1000 * 2 ** tries, 60_000) + lineMs(fill.length, baud) }
}

/** `fresh`: wait for a new reading; else the last one, which may be some seconds old. */
export function signal(fresh: boolean): AtCommand {
  return { text: fresh ? 'AT+CSQ' : 'AT+CSQF', information: /^\+CSQF?:\s*[0-5]$/, timeoutMs: SIGNAL_MS }
}

export function parseSignal(information: string): number {
  return Number(information.at(-1))
}

/** Bars of `+CIEV:0,<rssi>`; null for other indicators. */
export function parseIndicator(line: string): number | null {
  const match = /^\+CIEV:\s*0\s*,\s*([0-5])$/.exec(line)
  return match === null ? null : Number(match[1])
}

/** Answer 0: written; 1: too slow, without an OK; 2: the checksum is wrong; 3: the size is. */
export function write(bytes: Uint8Array, baud: number): AtCommand {
  const payload = Buffer.alloc(bytes.length + 2)
  payload.set(bytes)
  payload.writeUInt16BE(checksum(bytes), bytes.length)
  return { text: `AT+SBDWB=${bytes.length}`, information: /^[0-3]$/, payload, last: '1', timeoutMs: transferMs(bytes.length, baud) }
}

/** `answering`: to a ring. */
export function session(answering: boolean): AtCommand {
  return { text: answering ? 'AT+SBDIXA' : 'AT+SBDIX', information: SESSION, timeoutMs: SESSION_MS }
}

const SESSION = /^\+SBDIXA?:\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(-?\d+)\s*,\s*(\d+)\s*,\s*(\d+)$/

export interface SessionResult {
  readonly moStatus: number
  readonly momsn: number
  /** 0: nothing waits; 1: a message was received; 2: receiving failed. */
  readonly mtStatus: number
  readonly mtmsn: number
  readonly mtBytes: number
  /** Messages that still wait at the gateway. */
  readonly queued: number
}

export function parseSession(information: string): SessionResult {
  const [moStatus, momsn, mtStatus, mtmsn, mtBytes, queued] = numbers(SESSION, information)
  return { moStatus: moStatus!, momsn: momsn!, mtStatus: mtStatus!, mtmsn: mtmsn!, mtBytes: mtBytes!, queued: queued! }
}

export const MT_RECEIVED = 1
const MT_FAILED = 2
/** The message down was too large to be transferred: it stays where it is, however often it is asked for. */
const MO_SENT_MT_TOO_LARGE = 1

/** The session has found out what waits, as far as it can be had. */
export function isMailboxChecked({ moStatus, mtStatus }: SessionResult): boolean {
  return mtStatus !== MT_FAILED || moStatus === MO_SENT_MT_TOO_LARGE
}

const STATUS = /^\+SBDSX:\s*([01])\s*,\s*(\d+)\s*,\s*([01])\s*,\s*(-?\d+)\s*,\s*([01])\s*,\s*(-?\d+)$/

export const status: AtCommand = { text: 'AT+SBDSX', information: STATUS, timeoutMs: PLAIN_MS }

export interface StatusResult {
  /** Number that the next session will have. */
  readonly momsn: number
  /** Something is in the buffer for messages up. */
  readonly hasMo: boolean
  readonly hasMt: boolean
  readonly mtmsn: number
  /** A ring has not been answered, perhaps from before the modem was switched off. */
  readonly rung: boolean
  readonly queued: number
}

export function parseStatus(information: string): StatusResult {
  const [mo, momsn, mt, mtmsn, ring, queued] = numbers(STATUS, information)
  return { momsn: momsn!, hasMo: mo === 1, hasMt: mt === 1, mtmsn: mtmsn!, rung: ring === 1, queued: queued! }
}

/** The modem has counted the session as one that succeeded. */
export function isCounted(result: SessionResult, after: StatusResult): boolean {
  return after.momsn === (result.momsn + 1) % 65_536
}

/** What the modem says of a session, and what it says it holds after it, cannot both be right. */
export function contradicts(result: SessionResult, after: StatusResult): boolean {
  const hasMt = result.mtStatus === MT_RECEIVED
  if (hasMt !== after.hasMt || (hasMt && result.mtmsn !== after.mtmsn)) return true
  return isCounted(result, after) !== result.moStatus <= MO_SUCCESS_MAX
}

/** Reading does not clear the buffer. */
export function read(baud: number): AtCommand {
  return { text: 'AT+SBDRB', information: null, block: true, timeoutMs: transferMs(BLOCK_BYTES_MAX, baud) }
}

/** Answer 0: cleared; 1: not. */
export function clear(mo: boolean, mt: boolean): AtCommand {
  return { text: `AT+SBDD${mo && mt ? 2 : mt ? 1 : 0}`, information: /^[01]$/, timeoutMs: PLAIN_MS }
}

function transferMs(bytes: number, baud: number): number {
  return TRANSFER_MS + lineMs(bytes, baud)
}

/** What so many bytes take on the line. */
function lineMs(bytes: number, baud: number): number {
  return (bytes * BITS_PER_BYTE * 1000) / baud
}

function numbers(pattern: RegExp, information: string): readonly number[] {
  return pattern.exec(information)!.slice(1).map(Number)
}
