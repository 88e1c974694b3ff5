// Are the lines of sensors and outputs the gateway's: GPIO lines that a driver or another program holds, serial ports that are not there, not allowed, or
// open elsewhere?
import { access, constants } from 'node:fs/promises'
import { findChips, type FoundChip } from '../board/chips.ts'
import { keyOf, lineOf, type LineReference, wordOf } from '../board/pin-map.ts'
import type { Config } from '../config/config.ts'
import { holdersOf, pluggedIn } from '../serial-nodes.ts'
import { explainHolders, explainPortError } from '../serial-trouble.ts'
import { fault, type Finding, ok, unknown } from './finding.ts'
import type { ViewedSensor } from './gateway-view.ts'
import type { Patient } from './patient.ts'

/** As gpio/cdev.ts calls itself. */
const OURS = 'sandpiper'
/** Each looks through all processes; several sensors share a port. */
const PORTS_MAX = 16

interface UsedLine {
  /** `sensor door` */
  readonly owner: string
  readonly reference: LineReference
}

interface UsedPort {
  readonly path: string
  readonly owner: string
  /** Of whom the gateway tells how they are. */
  readonly sensor: string | null
}

export async function checkLines(patient: Patient): Promise<Finding[]> {
  const { config, gateway, root } = patient
  if (config === null) return []
  const lines = usedLines(config)
  const chips = lines.length === 0 ? [] : findChips(root)
  const ofGpio = lines.map((line) => lineFinding(line, chips, config.board.profile))
  const ports = usedPorts(config).slice(0, PORTS_MAX)
  const ofSerial = await Promise.all(ports.map(async (port) => portFinding(port, await portFacts(port, patient), gateway?.sensors.find(({ name }) => name === port.sensor) ?? null)))
  return [...ofGpio, ...ofSerial]
}

function usedLines({ sensors, outputs }: Config): readonly UsedLine[] {
  const read = sensors.flatMap((sensor) => (sensor.kind === 'gpio' ? [{ owner: `sensor ${sensor.name}`, reference: sensor.gpio.line }] : []))
  return [...read, ...outputs.map(({ name, gpio }) => ({ owner: `output ${name}`, reference: gpio.line }))]
}

export function lineFinding({ owner, reference }: UsedLine, chips: readonly FoundChip[], profile: Config['board']['profile']): Finding {
  const word = wordOf(reference)
  const name = `line/${word.replace(' ', '-')}`
  const answer = profile === null ? null : lineOf(profile, reference)
  if (answer !== null && 'problem' in answer) return fault(name, answer.problem, answer.hint)
  const line = answer?.line ?? (reference.kind === 'chip' ? { chip: reference.label, offset: reference.offset } : null)
  const byName = line === null ? chips.flatMap((chip) => chip.held.filter((held) => held.name === word)) : []
  const chip = line === null ? null : (chips.find(({ label }) => label === line.chip) ?? null)
  if (line !== null && chip === null) return fault(name, `${owner}: there is no GPIO chip "${line.chip}"`, '`sandpiper board` lists those that are there; an expander wants its bus and its driver switched on in the boot files')
  if (chip !== null && !chip.holdersKnown) return unknown(name, `who holds ${keyOf(line!)}, the line of ${owner}, is for root to see`, 'sudo sandpiper doctor')
  const holder = chip === null ? byName[0] : chip.held.find(({ offset }) => offset === line!.offset)
  if (holder === undefined || holder.consumer === OURS) return ok(name, holder === undefined ? `nobody else holds ${word}, the line of ${owner}` : `the gateway holds ${word}, the line of ${owner}`)
  const who = holder.consumer === '' ? 'another program or driver' : holder.consumer === 'sysfs' ? '/sys/class/gpio' : `"${holder.consumer}"`
  return fault(name, `${word}, the line of ${owner}, is held by ${who}`, holder.consumer === 'sysfs' ? 'whoever exported it there has to give it back: write its number into /sys/class/gpio/unexport' : 'end that program, or switch its driver off in the boot files; or take another line')
}

// ---- serial ports

function usedPorts({ sensors, buses, uplinks }: Config): readonly UsedPort[] {
  const all: UsedPort[] = [
    ...sensors.flatMap((sensor): UsedPort[] => {
      if (sensor.kind === 'serial') return [{ path: sensor.serial.path, owner: `sensor ${sensor.name}`, sensor: sensor.name }]
      return sensor.kind === 'nmea' && sensor.nmea.line.kind === 'serial' ? [{ path: sensor.nmea.line.serial.path, owner: `sensor ${sensor.name}`, sensor: sensor.name }] : []
    }),
    ...buses.flatMap(({ name, modbus }): UsedPort[] => {
      const of = sensors.find((sensor) => sensor.kind === 'modbus' && sensor.modbus.bus === name)?.name ?? null
      return modbus.line.kind === 'serial' ? [{ path: modbus.line.serial.path, owner: `bus ${name}`, sensor: of }] : []
    }),
    ...uplinks.flatMap(({ links }) => links.flatMap(({ name, sbd }): UsedPort[] => (sbd === null ? [] : [{ path: sbd.path, owner: `link ${name}`, sensor: null }]))),
  ]
  return all.filter(({ path }, i) => all.findIndex((other) => other.path === path) === i)
}

export interface SerialFacts {
  /** Of the file: ENOENT, EACCES; null when it may be opened. */
  readonly error: string | null
  /** Others than the gateway and this process. */
  readonly holders: readonly string[]
  readonly pluggedIn: readonly string[]
}

async function portFacts({ path }: UsedPort, { root, gateway }: Patient): Promise<SerialFacts> {
  const code = await access(root + path, constants.R_OK | constants.W_OK).then(() => null, (error: NodeJS.ErrnoException) => error.code ?? 'EIO')
  if (code === 'ENOENT') return { error: code, holders: [], pluggedIn: await pluggedIn(root) }
  // The gateway runs as a user of its own: what this one may not open says nothing of that.
  const error = gateway !== null && (code === 'EACCES' || code === 'EPERM') ? null : code
  const holders = await holdersOf(path, root)
  return { error, holders: holders.filter((holder) => gateway === null || !holder.endsWith(`(process ${gateway.pid})`)), pluggedIn: [] }
}

export function portFinding({ path, owner }: UsedPort, { error, holders, pluggedIn: there }: SerialFacts, sensor: ViewedSensor | null): Finding {
  const name = `line/${path.slice(path.lastIndexOf('/') + 1)}`
  if (error !== null) return inTwo(name, owner, explainPortError(`${error}: ${path}`, path, there))
  const held = explainHolders(path, holders)
  if (held !== null) return inTwo(name, owner, held)
  // What the gateway has met when it opened the port: two of its parts on one port, a lock that belongs to somebody it may not see.
  if (sensor?.status === 'gone' && sensor.lastError?.includes(path) === true) return inTwo(name, owner, sensor.lastError)
  return ok(name, `${path}, the port of ${owner}, is there and nobody else has it`)
}

/** A sentence of what is wrong and, behind a colon, what to do. */
function inTwo(name: string, owner: string, sentence: string): Finding {
  const at = sentence.indexOf(': ')
  return at < 0 ? fault(name, `${owner}: ${sentence}`, 'see sandpiper sensors') : fault(name, `${owner}: ${sentence.slice(0, at)}`, sentence.slice(at + 2))
}
