// What the machine tells of itself for alarms: read beside the gateway, never waited for. A disk that does not answer holds up nothing but its own figure.
import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { OwnBoard } from '../board/own-board.ts'
import type { Clock } from '../clock.ts'
import { ASKED, type Outcome } from '../update/record.ts'

/** null: not known. */
export interface Health {
  readonly temperatureC: number | null
  readonly isUnderVoltage: boolean | null
  /** How full the disk of the store is, from 0 to 1, as `df` counts. */
  readonly diskShare: number | null
  /** Why the last update is not in use; '' when it is, when somebody wanted that, or when another one is under way. */
  readonly failedUpdate: string | null
}

export const UNKNOWN: Health = { temperatureC: null, isUnderVoltage: null, diskShare: null, failedUpdate: null }

export interface HealthReader {
  /** Never rejects. */
  read(): Promise<Health>
}

export interface MachineHealthPlaces {
  /** Where /sys and /data are; '' for this machine. */
  readonly root: string
  /** Of the store. */
  readonly storeFolder: string
}

/** What updates leave; there on the image only. */
const UPDATES = '/data/update'

export class MachineHealth implements HealthReader {
  readonly #places: MachineHealthPlaces
  readonly #board: OwnBoard

  constructor(places: MachineHealthPlaces, clock: Clock) {
    this.#places = places
    this.#board = new OwnBoard(places.root, clock)
  }

  async read(): Promise<Health> {
    const { root, storeFolder } = this.#places
    const { temperatureC, isUnderVoltage } = this.#board
    const [diskShare, failedUpdate] = await Promise.all([shareOfDisk(storeFolder), updateTrouble(root + UPDATES)])
    return { temperatureC, isUnderVoltage, diskShare, failedUpdate }
  }
}

async function shareOfDisk(folder: string): Promise<number | null> {
  try {
    const { blocks, bfree, bavail } = await statfs(folder)
    const used = blocks - bfree
    return used + bavail === 0 ? null : used / (used + bavail)
  } catch {
    return null
  }
}

async function updateTrouble(folder: string): Promise<string | null> {
  const last = (await json(join(folder, 'last.json'))) as Outcome | null
  if (last === null) return null
  const { outcome, version, reason } = last
  const isTrouble = outcome === 'failed' || (outcome === 'rolled-back' && reason !== ASKED)
  if (!isTrouble || (await json(join(folder, 'job.json'))) !== null || (await json(join(folder, 'trial.json'))) !== null) return ''
  return `${version ?? 'it'} ${outcome === 'failed' ? 'could not be installed' : 'was undone'}${reason === '' ? '' : ` (${reason})`}`
}

/** null for a file that is not there, or was cut off: the next look has it whole. */
async function json(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown
  } catch {
    return null
  }
}
