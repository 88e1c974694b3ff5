// `sandpiper board`: what this machine is and has, in the words that gateway.yaml takes; and the boot lines that a configuration needs here.
//
//   device tree ─► profile ─► what is there ─► with a configuration: who uses which pin, and what is to be switched on
//
// It reads small files and asks GPIO chips; nothing is changed, no bus is spoken to.
import { boardNeeds, type BoardNeeds, type NeededSwitch } from '../config/board-needs.ts'
import { allProfiles, boardIds, loadProfile } from '../config/board-profile.ts'
import type { BoardProfile, Config } from '../config/config.ts'
import { describeInventory, table } from '../board/describe.ts'
import { detectBoard } from '../board/detect.ts'
import { takeInventory, type Inventory } from '../board/inventory.ts'
import { OperatorError } from '../errors.ts'
import { scanKernelSensors, type FoundDevice } from '../sensors/kernel/scan.ts'

export interface BoardOptions {
  /** Id of a profile, or the path of one, instead of what is detected. */
  readonly board: string | null
  /** Held against the machine; null for none. */
  readonly config: Config | null
  /** Stands before /sys, /proc and /dev. */
  readonly root: string
  readonly json: boolean
}

/** Text to print. Throws OperatorError for a board that is unknown. */
export async function boardCommand({ board, config, root, json }: BoardOptions): Promise<string> {
  const detection = detectBoard(root, allProfiles())
  const name = board ?? config?.board.profile?.id ?? detection.id
  const profile = name === null ? null : (board === null ? config?.board.profile : null) ?? profileOf(name)
  const inventory = await takeInventory(root, detection, profile)
  const sensors = await scanKernelSensors(root)
  const needs = config === null || profile === null ? null : boardNeeds(config, profile)
  const missing = needs === null ? [] : needs.switches.filter((one) => !isThere(one, inventory))
  if (json) return `${JSON.stringify({ ...inventory, sensors, missing }, null, 2)}\n`
  return [describeInventory(inventory, profile, ownersOf(needs)), sensorText(sensors), config === null ? '' : missingText(missing)].filter((text) => text !== '').join('\n')
}

/** The profiles that there are, for `--list`. */
export function boardList(): string {
  return `${table(allProfiles().map((profile) => [profile.id, profile.title, profile.compatible.slice(0, 2).join(', ')])).join('\n')}\n`
}

/** Throws OperatorError when there is no such board, so that it is told before anything else. */
export function profileOf(name: string): BoardProfile {
  const loaded = loadProfile(name, process.cwd())
  if (!('problems' in loaded)) return loaded.profile
  const { message } = loaded.problems[0]!
  throw new OperatorError('E_USAGE', loaded.isUnknown ? `${message}: known are ${boardIds().join(', ')}` : `${loaded.file}:${loaded.problems[0]!.line}: ${message}`)
}

function isThere(one: NeededSwitch, { ports, buses }: Inventory): boolean {
  return buses.some((bus) => bus.id === one.id) || ports.some((port) => one.devices.includes(port.device))
}

function ownersOf(needs: BoardNeeds | null): ReadonlyMap<string, string> {
  return new Map(needs?.lines.map(({ key, owner }) => [key, owner.replaceAll('`', '')]))
}

function sensorText(sensors: readonly FoundDevice[]): string {
  if (sensors.length === 0) return ''
  const rows = sensors.map((sensor) => [sensor.yaml, sensor.address ?? '', sensor.channels.map((channel) => (channel.label === null ? channel.name : `${channel.name} (${channel.label})`)).join(', ')])
  return `Sensors of the kernel\n${table(rows).map((row) => `  ${row}\n`).join('')}`
}

function missingText(missing: readonly NeededSwitch[]): string {
  if (missing.length === 0) return 'Everything that the configuration needs of the board is switched on.\n'
  const parts = missing.map((one) => {
    const ways = one.boot.map((boot) => `    ${boot.system}: ${[boot.lines.length === 0 ? '' : `${boot.lines.join(', ')} in ${boot.file ?? 'the boot file'}`, boot.note ?? ''].filter((part) => part !== '').join('; ')}\n`)
    return `  ${one.id}, ${one.title}: for ${one.owners.map((owner) => owner.replaceAll('`', '')).join(' and ')}\n${ways.join('')}`
  })
  return `Needed by the configuration and not there: put these lines into the boot files, and restart\n${parts.join('')}`
}
