// Does the card fail? What file systems, storage devices and the kernel's messages say of it.
import { namesIn, readNumber, readText } from '../board/sysfs.ts'
import { fault, type Finding, ok, warning } from './finding.ts'
import { kernelLog } from './kernel-log.ts'
import type { Patient } from './patient.ts'

export interface CardFacts {
  /** ext4 keeps these over restarts. */
  readonly fileSystems: readonly { readonly device: string; readonly errors: number }[]
  readonly devices: readonly StorageDevice[]
  /** Of the kernel; null when they may not be read. */
  readonly messages: readonly string[] | null
}

export interface StorageDevice {
  readonly device: string
  /** Shares of its life that are over, in steps of a tenth, 1 to 11 (JESD84-B51, 7.4.77); the largest. null: it does not tell. */
  readonly lifeTenths: number | null
  /** 1 normal, 2 warning: 80 % of its spare blocks are used, 3 urgent (JESD84-B51, 7.4.76). */
  readonly preEol: number | null
  /** Requests that failed, where the driver counts them. */
  readonly failedRequests: number
}

const REPLACE = 'make a backup and replace the card or disk before it stops; a good power supply and an industrial card last longer'
const FAILURES = /\b(I\/O error|EXT4-fs error|critical (?:medium|target) error|Buffer I\/O error|mmc\d+: (?:Card stuck|error -\d+|cache flush error|tried to HW reset card)|Remounting filesystem read-only|unrecovered read error|nvme\d+.*(?:timeout|controller is down))/i
/** A message of one of these devices has nothing to do with the card. */
const NO_CARD = /\b(?:sr|fd|loop|nbd|zram)\d+/
const LIFE_WARNING = 9
const LIFE_OVER = 11

export function checkCard({ root }: Patient): Finding[] {
  return cardFindings({ fileSystems: fileSystemsIn(root), devices: devicesIn(root), messages: kernelLog(root) })
}

export function cardFindings({ fileSystems, devices, messages }: CardFacts): Finding[] {
  const findings: Finding[] = []
  for (const { device, errors } of fileSystems) {
    if (errors > 0) findings.push(fault(`card/${device}`, `the file system on ${device} has ${errors} error${errors === 1 ? '' : 's'} counted`, `check it when it is not mounted (fsck -f /dev/${device}), then ${REPLACE}`))
  }
  for (const one of devices) {
    const finding = deviceFinding(one)
    if (finding !== null) findings.push(finding)
  }
  const failures = (messages ?? []).filter((text) => FAILURES.test(text) && !NO_CARD.test(text))
  if (failures.length > 0) findings.push(fault('card/kernel', `the kernel has reported ${failures.length} storage error${failures.length === 1 ? '' : 's'} since the start, the last: ${failures.at(-1)!.slice(0, 120)}`, `${REPLACE}; check that it sits well in its socket`))
  if (findings.length > 0) return findings
  return [ok('card', `no error of a card or disk is known${messages === null ? ' (the messages of the kernel are for root to read)' : ''}`)]
}

function deviceFinding({ device, lifeTenths, preEol, failedRequests }: StorageDevice): Finding | null {
  const name = `card/${device}`
  if (preEol === 3 || (lifeTenths ?? 0) >= LIFE_OVER) return fault(name, `${device} is worn out${preEol === 3 ? ': its spare blocks are nearly used up' : ': it has had more writes than it was made for'}`, REPLACE)
  if (failedRequests > 0) return fault(name, `${device} has failed ${failedRequests} request${failedRequests === 1 ? '' : 's'} since the start`, REPLACE)
  if (preEol === 2 || (lifeTenths ?? 0) >= LIFE_WARNING) return warning(name, `${device} has ${lifeTenths === null ? 'used 80 % of its spare blocks' : `${(lifeTenths - 1) * 10} to ${lifeTenths * 10} % of its life behind it`}`, `plan for another one; store.dailyWrites writes less`)
  return null
}

function fileSystemsIn(root: string): CardFacts['fileSystems'] {
  const folder = `${root}/sys/fs/ext4`
  return namesIn(folder, /^(?!features$)./).map((device) => ({ device, errors: readNumber(`${folder}/${device}/errors_count`) ?? 0 }))
}

function devicesIn(root: string): CardFacts['devices'] {
  const folder = `${root}/sys/block`
  return namesIn(folder, /^(mmcblk\d+|sd[a-z]+)$/).map((device) => {
    const at = `${folder}/${device}/device`
    const life = (readText(`${at}/life_time`) ?? '').split(/\s+/).map(hex).filter((tenths) => tenths > 0) // 0 is "not defined"
    const failed = hex(readText(`${at}/ioerr_cnt`) ?? '')
    return { device, lifeTenths: life.length === 0 ? null : Math.max(...life), preEol: hex(readText(`${at}/pre_eol_info`) ?? '') || null, failedRequests: failed > HARMLESS_MAX ? failed : 0 }
  })
}

/** A disk counts as failed what it does not know when it is asked at the start. */
const HARMLESS_MAX = 10

/** `0x03`; NaN for anything else. */
function hex(text: string): number {
  return /^0x[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : Number.NaN
}
