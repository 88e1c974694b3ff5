// The kernel's simulated GPIO chips (gpio-sim): made through configfs, driven and looked at from outside through sysfs, as a wire would be.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

const CONFIGFS = '/sys/kernel/config/gpio-sim'

export class SimChip {
  readonly label: string
  readonly #name: string
  #folder = ''

  /** `hogs`: lines that a driver holds, by offset. */
  constructor(label: string, lines: number, options: { readonly names?: Readonly<Record<number, string>>; readonly hogs?: Readonly<Record<number, string>> } = {}) {
    this.label = label
    this.#name = `${CONFIGFS}/${label}`
    const bank = `${this.#name}/bank0`
    mkdirSync(bank, { recursive: true })
    writeFileSync(`${bank}/num_lines`, `${lines}`)
    writeFileSync(`${bank}/label`, label)
    for (const [offset, name] of Object.entries(options.names ?? {})) {
      mkdirSync(`${bank}/line${offset}`, { recursive: true })
      writeFileSync(`${bank}/line${offset}/name`, name)
    }
    for (const [offset, name] of Object.entries(options.hogs ?? {})) {
      mkdirSync(`${bank}/line${offset}/hog`, { recursive: true })
      writeFileSync(`${bank}/line${offset}/hog/name`, name)
      writeFileSync(`${bank}/line${offset}/hog/direction`, 'input')
    }
    this.plug()
  }

  plug(): void {
    writeFileSync(`${this.#name}/live`, '1')
    const device = readFileSync(`${this.#name}/dev_name`, 'utf8').trim()
    const chip = readFileSync(`${this.#name}/bank0/chip_name`, 'utf8').trim()
    this.#folder = `/sys/devices/platform/${device}/${chip}`
  }

  unplug(): void {
    writeFileSync(`${this.#name}/live`, '0')
  }

  /** The file that pulls the line when `pull-up` or `pull-down` is written to it. */
  pullFile(offset: number): string {
    return `${this.#folder}/sim_gpio${offset}/pull`
  }

  /** The file that says what the line is: 0 or 1. */
  valueFile(offset: number): string {
    return `${this.#folder}/sim_gpio${offset}/value`
  }

  pull(offset: number, up: boolean): void {
    writeFileSync(this.pullFile(offset), up ? 'pull-up' : 'pull-down')
  }

  /** What the wire has: as seen from outside. */
  value(offset: number): number {
    return Number(readFileSync(this.valueFile(offset), 'utf8'))
  }

  remove(): void {
    this.unplug()
    rmdirSync(`${this.#name}/bank0`)
    rmdirSync(this.#name)
  }
}
