// All that is found on this machine, in one answer: what `sandpiper board` prints.
import type { BoardProfile } from '../config/config.ts'
import { findBuses, type FoundBus } from './buses.ts'
import { findChips, type AskChip, type FoundChip } from './chips.ts'
import type { Detection } from './detect.ts'
import { findLeds, findThermal, findWatchdogs, type FoundThermal, type FoundWatchdog } from './parts.ts'
import { findPorts, type FoundPort } from './uarts.ts'

export interface Inventory {
  readonly model: string | null
  readonly compatible: readonly string[]
  /** Id of the profile; null where nothing is known of this machine. */
  readonly profile: string | null
  readonly title: string | null
  readonly chips: readonly FoundChip[]
  readonly ports: readonly (FoundPort & { readonly uart: PortAbility | null })[]
  readonly buses: readonly FoundBus[]
  readonly leds: readonly string[]
  readonly watchdogs: readonly FoundWatchdog[]
  readonly thermal: readonly FoundThermal[]
}

/** What the profile knows of a port. */
export interface PortAbility {
  readonly id: string
  readonly title: string
  readonly pins: readonly number[]
  readonly parity: boolean
  readonly twoStopBits: boolean
  readonly detectsBreak: boolean
  readonly baudMax: number | null
}

/** `root` stands before /sys, /proc and /dev. Never rejects. */
export async function takeInventory(root: string, { model, compatible }: Detection, profile: BoardProfile | null, ask?: AskChip): Promise<Inventory> {
  const ports = await findPorts(root)
  return {
    model,
    compatible,
    profile: profile?.id ?? null,
    title: profile?.title ?? null,
    chips: findChips(root, ask),
    ports: ports.map((port) => ({ ...port, uart: abilityOf(port, profile) })),
    buses: findBuses(root),
    leds: findLeds(root),
    watchdogs: findWatchdogs(root),
    thermal: findThermal(root),
  }
}

function abilityOf({ device }: FoundPort, profile: BoardProfile | null): PortAbility | null {
  const uart = profile?.uarts.find((one) => one.devices.includes(device))
  if (uart === undefined) return null
  const { id, title, pins, parity, twoStopBits, detectsBreak, baudMax } = uart
  return { id, title, pins, parity, twoStopBits, detectsBreak, baudMax }
}
