// The buses of a configuration by their names, each made when its first sensor starts.
import type { BusConfig } from '../../config/config.ts'
import { type BusDeps, ModbusBus } from './bus.ts'

export class Buses {
  readonly #configs: readonly BusConfig[]
  readonly #deps: BusDeps
  readonly #made = new Map<string, Promise<ModbusBus>>()

  constructor(configs: readonly BusConfig[], deps: BusDeps) {
    this.#configs = configs
    this.#deps = deps
  }

  /** Rejects when there is no such bus, or its library does not load. */
  get(name: string): Promise<ModbusBus> {
    const config = this.#configs.find((bus) => bus.name === name)
    if (config === undefined) return Promise.reject(new Error(`there is no bus "${name}"`))
    let bus = this.#made.get(name)
    if (bus === undefined) {
      bus = ModbusBus.make(config, this.#deps)
      this.#made.set(name, bus)
    }
    return bus
  }
}
