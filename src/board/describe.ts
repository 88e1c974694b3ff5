// An inventory as text for a terminal: short tables, the words that gateway.yaml takes in front.
import type { BoardProfile } from '../config/config.ts'
import type { FoundChip } from './chips.ts'
import type { Inventory } from './inventory.ts'
import { describePin, keyOf, type BoardPin } from './pin-map.ts'

/** Who uses a line: by `keyOf`. */
export type LineOwners = ReadonlyMap<string, string>

/** `owners`: of the configuration, for the header. Ends with a newline. */
export function describeInventory(inventory: Inventory, profile: BoardProfile | null, owners: LineOwners): string {
  const sections = [
    headOf(inventory),
    section('GPIO chips', inventory.chips.flatMap((chip) => chipRows(chip, profile))),
    profile === null || profile.pins.length === 0 ? '' : section('Header', headerRows(profile.pins, inventory.chips, owners)),
    section('Serial ports', table(inventory.ports.map(portRow)), 'none'),
    section('Buses', busRows(inventory, profile)),
    section('LEDs', inventory.leds.length === 0 ? [] : [inventory.leds.join(', ')]),
    section('Watchdog', inventory.watchdogs.map(({ device, identity, timeoutSecMax }) => joined([device, identity, longest(timeoutSecMax, profile)]))),
    section('Thermal zones', inventory.thermal.map((zone) => thermalRow(zone, profile))),
  ]
  return `${sections.filter((text) => text !== '').join('\n')}`
}

function headOf({ model, profile, title, compatible }: Inventory): string {
  const lines = [model ?? 'a machine that says nothing of itself']
  lines.push(profile === null ? 'no profile fits: name one with --board' : `profile ${profile}: ${title ?? ''}`)
  if (compatible.length > 0) lines.push(`device tree ${compatible.join(', ')}`)
  return `${lines.join('\n')}\n`
}

function section(title: string, rows: readonly string[], none = ''): string {
  if (rows.length === 0 && none === '') return ''
  return `${title}\n${(rows.length === 0 ? [none] : rows).map((row) => `  ${row}\n`).join('')}`
}

function chipRows(chip: FoundChip, profile: BoardProfile | null): string[] {
  const from = chip.sysfsBase === null ? null : `from ${chip.sysfsBase} in /sys/class/gpio`
  const closed = chip.holdersKnown ? null : 'who holds its lines is for root to see'
  const rows = [joined([chip.label, chip.device, `${chip.lines} lines`, from, closed])]
  for (const { offset, name, consumer } of chip.held) {
    const pin = profile?.pins.find((one) => one.line !== null && keyOf(one.line) === keyOf({ chip: chip.label, offset })) ?? null
    rows.push(`  ${chip.label}:${offset}  ${pin === null ? name : describePin(pin)}`.trimEnd() + `  held by ${consumer === '' ? 'somebody' : consumer}`)
  }
  return rows
}

/** As the header lies: odd pins left, even ones right. */
function headerRows(pins: readonly BoardPin[], chips: readonly FoundChip[], owners: LineOwners): string[] {
  const words = (pin: BoardPin | undefined): string => (pin === undefined ? '' : joined([pin.name, pin.label === null ? null : `(${pin.label})`, pin.use, ownerOf(pin, chips, owners)], ' '))
  const byNumber = new Map(pins.map((pin) => [pin.pin, pin]))
  const last = pins.at(-1)!.pin
  const rows = Array.from({ length: Math.ceil(last / 2) }, (_, i) => [words(byNumber.get(2 * i + 1)), words(byNumber.get(2 * i + 2))] as const)
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right], i) => `${left.padStart(width)} ${String(2 * i + 1).padStart(2)} | ${String(2 * i + 2).padEnd(2)} ${right}`.trimEnd())
}

function ownerOf({ line }: BoardPin, chips: readonly FoundChip[], owners: LineOwners): string | null {
  if (line === null) return null
  const holder = chips.find((chip) => chip.label === line.chip)?.held.find((held) => held.offset === line.offset)
  const owner = owners.get(keyOf(line))
  if (owner !== undefined) return `← ${owner}`
  return holder === undefined ? null : `← ${holder.consumer === '' ? 'held' : holder.consumer}`
}

function portRow({ device, names, driver, isConsole, holders, uart }: Inventory['ports'][number]): readonly string[] {
  const cannot = uart === null ? [] : [uart.parity ? null : 'no parity', uart.twoStopBits ? null : 'one stop bit', uart.detectsBreak ? null : 'no break detection'].filter((one) => one !== null)
  const state = [...(isConsole ? ['console'] : []), ...holders.map((holder) => `held by ${holder}`)]
  const at = uart === null || uart.pins.length === 0 ? null : `pins ${uart.pins.join(', ')}`
  return [device, uart === null ? (driver ?? '') : `${uart.id}, ${uart.title}`, joined([at, ...cannot, (uart?.baudMax ?? null) === null ? null : `${uart!.baudMax} baud at most`, ...state, ...names], ', ')]
}

function busRows({ buses }: Inventory, profile: BoardProfile | null): string[] {
  return buses.flatMap((bus) => {
    const pins = profile?.buses.find((one) => one.id === bus.id)?.pins ?? []
    const rows = [joined([bus.id, bus.name, pins.length === 0 ? null : `pins ${pins.join(', ')}`])]
    for (const { address, name, driver } of bus.devices) rows.push(`  ${joined([address, name, driver === null ? 'no driver has it' : `driver ${driver}`])}`)
    return rows
  })
}

function longest(found: number | null, profile: BoardProfile | null): string | null {
  const secMax = profile?.watchdog?.secMax ?? found
  return secMax === null ? null : `${secMax} s at most`
}

function thermalRow({ zone, temperatureC, criticalC, passiveC }: Inventory['thermal'][number], profile: BoardProfile | null): string {
  const known = profile?.thermal?.zone === zone ? profile.thermal : null
  const slower = known?.throttleC ?? passiveC
  const off = criticalC ?? known?.shutdownC ?? null
  return joined([zone, temperatureC === null ? 'no reading' : `${temperatureC} °C`, slower === null ? null : `slower from ${slower} °C`, off === null ? null : `off at ${off} °C`])
}

/** Columns as wide as their widest word. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, i) => Math.max(cell.length, most[i] ?? 0)), [])
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ').trimEnd())
}

function joined(parts: readonly (string | null)[], by = '  '): string {
  return parts.filter((part) => part !== null && part !== '').join(by)
}
