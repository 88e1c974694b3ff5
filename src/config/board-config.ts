// The shape of a checked configuration, what is known of the board: config.ts is the door.
import type { BoardPin, PinMap } from '../board/pin-map.ts'

export type { BoardPin }

/** `board:` of gateway.yaml. */
export interface BoardConfig {
  /** null: found out at start, by the device tree. */
  readonly profile: BoardProfile | null
  /** What the boot files have switched on besides what is on by itself. */
  readonly enable: readonly EnabledConfig[]
}

export interface EnabledConfig {
  /** Of a UART or bus of the profile: `uart-2`, `i2c-1`, `one-wire`. */
  readonly id: string
  /** `one-wire:GPIO22`: the line that it is on, where that is for the operator to say; null for the profile's. */
  readonly line: string | null
}

/** Whose kernel and boot files: names of devices and ways to switch them on differ. */
export type BoardSystem = 'raspberry-pi-os' | 'debian' | 'jetpack'

/** A board is its differences: board/<id>/board.yaml, with what it takes over filled in. */
export interface BoardProfile extends PinMap {
  readonly id: string
  /** Strings of /proc/device-tree/compatible; any of them means this board. */
  readonly compatible: readonly string[]
  /** What /proc/device-tree/model begins with. */
  readonly models: readonly string[]
  /** Systems that this profile knows device names and boot lines of. */
  readonly systems: readonly BoardSystem[]
  readonly uarts: readonly BoardUart[]
  readonly buses: readonly BoardBus[]
  /** A device file that means the first of these UARTs that is enabled, else the last: /dev/serial0. */
  readonly aliases: readonly { readonly device: string; readonly uarts: readonly string[] }[]
  /** Names in /sys/class/leds. */
  readonly leds: readonly string[]
  readonly watchdog: { readonly device: string; readonly secMax: number | null } | null
  readonly thermal: { readonly zone: string; readonly throttleC: number | null; readonly shutdownC: number | null } | null
}

/** What can be on, or not. */
export interface BoardSwitch {
  readonly id: string
  readonly title: string
  /** Systems where it is on as they are delivered. */
  readonly on: readonly BoardSystem[]
  /** What switches it on. `{offset}` stands for the line of one-wire. */
  readonly boot: readonly BootLines[]
}

export interface BootLines {
  readonly system: BoardSystem
  /** null where no file is to be changed, but a tool to be run. */
  readonly file: string | null
  readonly lines: readonly string[]
  /** What else is to be done. */
  readonly note: string | null
}

export interface BoardUart extends BoardSwitch {
  readonly devices: readonly string[]
  readonly pins: readonly number[]
  readonly parity: boolean
  readonly twoStopBits: boolean
  readonly detectsBreak: boolean
  /** null when it is not known. */
  readonly baudMax: number | null
  /** Systems that have a console on it as they are delivered, and how it is taken away. */
  readonly consoles: readonly { readonly system: BoardSystem; readonly takeAway: string }[]
  /** Who has it until it is enabled: Bluetooth; null for nobody. */
  readonly belongsTo: string | null
  /** The UART that is at these pins when this one is not enabled. */
  readonly replaces: string | null
}

export interface BoardBus extends BoardSwitch {
  readonly kind: 'i2c' | 'spi' | 'one-wire'
  /** Device files, and for one-wire none. */
  readonly devices: readonly string[]
  readonly pins: readonly number[]
}
