// How the board itself is: the temperature of its processor, and whether its supply is too weak. For those who watch over it without a sensor being configured.
// Always true: what cannot be read is null, and what is not there is looked for again, for drivers may come late; nothing is thrown.
import type { Clock } from '../../clock.ts'
import type { Channel } from './device.ts'
import { hwmonChannels, hwmonEntries } from './hwmon.ts'
import { underVoltageChannel } from './power.ts'
import { processorTemperature } from './thermal.ts'

/** Monitors of processors that have no thermal zone of their own: PCs, some vendors' kernels. */
const PROCESSOR_CHIPS = ['cpu_thermal', 'soc_thermal', 'coretemp', 'k10temp']
const FIND_AGAIN_MS = 60_000

type Find = (root: string) => Promise<Pick<Channel, 'read'> | null>

export class OwnBoard {
  readonly #temperature: Found
  readonly #underVoltage: Found

  /** `root`: where /sys is; '' for this machine. */
  constructor(root: string, clock: Clock) {
    this.#temperature = new Found(root, clock, findTemperature)
    this.#underVoltage = new Found(root, clock, underVoltageChannel)
  }

  /** Of the processor, in °C; null where no driver tells. */
  async temperatureC(): Promise<number | null> {
    const value = await this.#temperature.read()
    return typeof value === 'number' ? value : null
  }

  /** Now, or since the last look; null where the board does not tell. */
  async isUnderVoltage(): Promise<boolean | null> {
    const value = await this.#underVoltage.read()
    return typeof value === 'boolean' ? value : null
  }
}

/** One channel, found when it is read. */
class Found {
  readonly #root: string
  readonly #clock: Clock
  readonly #find: Find
  #channel: Pick<Channel, 'read'> | null = null
  #lookedAtMs = -Infinity

  constructor(root: string, clock: Clock, find: Find) {
    this.#root = root
    this.#clock = clock
    this.#find = find
  }

  async read(): Promise<unknown> {
    const nowMs = this.#clock.now()
    if (this.#channel === null && nowMs - this.#lookedAtMs >= FIND_AGAIN_MS) {
      this.#lookedAtMs = nowMs
      this.#channel = await this.#find(this.#root).catch(() => null)
    }
    try {
      return (await this.#channel?.read()) ?? null
    } catch {
      this.#channel = null // its number may be another one now
      return null
    }
  }
}

async function findTemperature(root: string): Promise<Pick<Channel, 'read'> | null> {
  const zone = await processorTemperature(root)
  if (zone !== null) return zone
  const chip = (await hwmonEntries(root)).find(({ name }) => PROCESSOR_CHIPS.includes(name))
  if (chip === undefined) return null
  return (await hwmonChannels(chip.folder)).find(({ name }) => /^temp\d+$/.test(name)) ?? null
}
