// A serial port held against the UARTs of the board: which one the path means, whether it is on, and whether it can do what is asked.
import type { PortUse } from './board-check.ts'
import type { BoardProfile, BoardUart } from './board-config.ts'
import type { Switches } from './board-switches.ts'

/** null: the port is none of the board's own (a USB adapter). `refused` after a report. */
export function checkPort(use: PortUse, switches: Switches): BoardUart | null | 'refused' {
  const uart = uartOf(use.path, switches)
  if (uart === null) return !switches.asks || checkUnknown(use, switches.profile) ? null : 'refused'
  if (switches.isReplaced(uart.id)) {
    const instead = switches.profile.uarts.find((other) => other.replaces === uart.id && switches.isEnabled(other.id))!
    use.place.key(use.pathKey).problem(`${use.path} is ${uart.title}, and ${instead.title} is in its place: \`board.enable\` lists ${instead.id}`, `write ${instead.devices[0]!}, or take ${instead.id} out of \`enable\``)
    return 'refused'
  }
  if (!checkAbility(use, uart, switches) || !switches.use(uart, use.owner, use.place.key(use.pathKey))) return 'refused'
  if (switches.asks && uart.consoles.length > 0) {
    const ways = uart.consoles.map((one) => one.takeAway)
    use.place.key(use.pathKey).warning(`a console is on ${use.path} as the system is delivered: it answers the device, and takes half of what it says`, ways.join('; or '))
  }
  return uart
}

/** The UART that a path means; null for none of the board's. */
export function uartOf(path: string, switches: Switches): BoardUart | null {
  const { profile } = switches
  const direct = profile.uarts.find((uart) => uart.devices.includes(path))
  if (direct !== undefined) return direct
  const ids = profile.aliases.find((alias) => alias.device === path)?.uarts ?? []
  const id = ids.find((one) => switches.isEnabled(one)) ?? ids.at(-1)
  return profile.uarts.find((uart) => uart.id === id) ?? null
}

function checkUnknown(use: PortUse, profile: BoardProfile): boolean {
  const family = familyOf(use.path)
  const onBoard = ['ttyS', 'ttyAMA', 'ttyTHS', 'ttyTCU', 'serial']
  if (family === null || !onBoard.includes(family) || profile.uarts.length === 0) return true
  const devices = profile.uarts.flatMap((uart) => uart.devices)
  const has = `its UARTs are ${devices.join(', ')}; adapters are /dev/ttyUSB0, /dev/ttyACM0 or /dev/serial/by-id/…`
  const place = use.place.key(use.pathKey)
  if (devices.some((device) => familyOf(device) === family)) {
    place.warning(`${use.path} is none of the UARTs that are known of ${profile.title}`, has)
    return true
  }
  place.problem(`${profile.title} has no ${use.path}`, has)
  return false
}

/** `/dev/ttyAMA3` → ttyAMA; null for what is no number of a family. */
function familyOf(path: string): string | null {
  return /^\/dev\/([A-Za-z]+)\d+$/.exec(path)?.[1] ?? null
}

function checkAbility(use: PortUse, uart: BoardUart, switches: Switches): boolean {
  const format = `${use.dataBits}${use.parity === 'none' ? 'N' : use.parity === 'even' ? 'E' : 'O'}${use.stopBits}`
  const lacks = !uart.parity && use.parity !== 'none' ? 'parity' : !uart.twoStopBits && use.stopBits === 2 ? 'two stop bits' : null
  if (lacks !== null) {
    const key = lacks === 'parity' ? 'parity' : 'stopBits'
    const has = uart.detectsBreak ? `no ${lacks}` : `no ${lacks}, and notices no breaks and no framing errors`
    use.place.key(key).problem(`${format} cannot be had on ${use.path}: ${uart.title} has ${has}`, better(uart, switches))
    return false
  }
  if (uart.baudMax === null || use.baud <= uart.baudMax) return true
  use.place.key('baud').problem(`${uart.title} (${use.path}) does ${uart.baudMax} baud at most`, `write ${uart.baudMax} or less`)
  return false
}

/** Where it can be had. */
function better(uart: BoardUart, switches: Switches): string {
  const able = switches.profile.uarts.filter((other) => other.parity && other.twoStopBits && other.id !== uart.id)
  const swap = able.find((other) => other.replaces === uart.id)
  const others = able.filter((other) => other !== swap && other.pins.length > 0).map((other) => `${other.devices[0]!} (${other.id})`)
  const ways = swap === undefined ? [] : [`use ${swap.devices[0]!} and switch ${swap.title} to the header: ${switches.howToEnable(swap, switches.profile.systems)}`]
  if (others.length > 0) ways.push(`${ways.length === 0 ? 'use' : 'or use'} ${others.join(', ')}`)
  return `${ways.join('; ')}${ways.length === 0 ? 'use' : '; or'} an adapter for USB`
}
