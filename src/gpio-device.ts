// The kernel's character device of GPIO chips, version 2 of its interface (linux/gpio.h, from Linux 5.10): structures as bytes, and the calls that take
// them. The kernel numbers every edge of a line before it puts it into the line's buffer, and drops the oldest when that is full: so the
// number of the newest one tells how many there have been, whatever became of the others.
// Rules:
// - Nothing is kept here: descriptors go out, and who gets one closes it.
// - A level is true when the line is active: where that is low, the kernel turns it round, for values and edges.
// - Every call throws what libc.ts throws: EBUSY (somebody holds the line), ENODEV (the chip is gone), EINVAL (the chip cannot do that).
import { closeSync, openSync, readSync } from 'node:fs'
import { ioctl, setNonBlocking } from './libc.ts'

const NAME_BYTES = 32
const CHIP_INFO_BYTES = 68
const LINE_INFO_BYTES = 256
const REQUEST_BYTES = 592
const CONFIG_AT = 288
const CONFIG_BYTES = 272
const VALUES_BYTES = 16
const EVENT_BYTES = 48

/** _IOWR of ioctl(2) and the like: what the call does, the size of its structure, 0xB4 for GPIO, and its number. */
function code(direction: 2 | 3, bytes: number, number: number): bigint {
  return (BigInt(direction) << 30n) | (BigInt(bytes) << 16n) | (0xb4n << 8n) | BigInt(number)
}

const GET_CHIPINFO = code(2, CHIP_INFO_BYTES, 0x01)
const GET_LINEINFO = code(3, LINE_INFO_BYTES, 0x05)
const GET_LINE = code(3, REQUEST_BYTES, 0x07)
const SET_CONFIG = code(3, CONFIG_BYTES, 0x0d)
const GET_VALUES = code(3, VALUES_BYTES, 0x0e)
const SET_VALUES = code(3, VALUES_BYTES, 0x0f)

const FLAG = {
  used: 1n << 0n,
  activeLow: 1n << 1n,
  input: 1n << 2n,
  output: 1n << 3n,
  edgeRising: 1n << 4n,
  edgeFalling: 1n << 5n,
  openDrain: 1n << 6n,
  openSource: 1n << 7n,
  pullUp: 1n << 8n,
  pullDown: 1n << 9n,
  pullNone: 1n << 10n,
} as const

const ATTRIBUTE_OUTPUT_VALUES = 2
const ATTRIBUTE_DEBOUNCE = 3
const RISING = 1

export interface ChipInfo {
  /** As the kernel numbers it: gpiochip0. Another one after the next start. */
  readonly name: string
  /** What the driver calls it: pinctrl-bcm2711. */
  readonly label: string
  readonly lines: number
}

export interface LineInfo {
  /** From the device tree; empty where it gives none. */
  readonly name: string
  /** Who holds the line; empty when nobody does, or does not say. */
  readonly consumer: string
  readonly used: boolean
  readonly output: boolean
  readonly activeLow: boolean
}

export type Pull = 'up' | 'down' | 'none'
export type Edges = 'none' | 'rising' | 'falling' | 'both'
export type Drive = 'push-pull' | 'open-drain' | 'open-source'

export interface LineRequest {
  /** Shown to others who ask for the line; cut after 31 bytes. */
  readonly consumer: string
  readonly activeLow: boolean
  /** null: whatever it is, with the level that it has. */
  readonly input: InputRequest | null
}

export interface InputRequest {
  readonly edges: Edges
  /** null: as it is. */
  readonly pull: Pull | null
  /** 0: none. */
  readonly debounceMs: number
  /** How many edges the kernel keeps, 1024 at most. */
  readonly eventsKept: number
}

export interface OutputRequest {
  readonly activeLow: boolean
  readonly drive: Drive
  readonly on: boolean
}

export interface LineEvent {
  readonly rising: boolean
  /** CLOCK_MONOTONIC. */
  readonly atMs: number
  /** Counts this line's edges since it was opened, from 1; goes round at 2³². */
  readonly number: number
}

/** `path` is a chip's device. The descriptor is for the calls below. */
export function openChip(path: string): number {
  return openSync(path, 'r+')
}

/** Also the question whether this is a GPIO chip at all: throws ENOTTY when not. */
export function chipInfo(chip: number): ChipInfo {
  const info = Buffer.alloc(CHIP_INFO_BYTES)
  ioctl(chip, GET_CHIPINFO, info)
  return { name: textAt(info, 0), label: textAt(info, NAME_BYTES), lines: info.readUInt32LE(64) }
}

/** Throws EINVAL when the chip has no such line, or the kernel only the interface's first version. */
export function lineInfo(chip: number, offset: number): LineInfo {
  const info = Buffer.alloc(LINE_INFO_BYTES)
  info.writeUInt32LE(offset, 64)
  ioctl(chip, GET_LINEINFO, info)
  const flags = info.readBigUInt64LE(72)
  return {
    name: textAt(info, 0),
    consumer: textAt(info, NAME_BYTES),
    used: (flags & FLAG.used) !== 0n,
    output: (flags & FLAG.output) !== 0n,
    activeLow: (flags & FLAG.activeLow) !== 0n,
  }
}

/** Takes the line for us. Answers the line's own descriptor, whose reads never wait. */
export function requestLine(chip: number, offset: number, { consumer, activeLow, input }: LineRequest): number {
  const request = Buffer.alloc(REQUEST_BYTES)
  request.writeUInt32LE(offset, 0)
  request.write(consumer, 256, NAME_BYTES - 1, 'utf8')
  const config = request.subarray(CONFIG_AT, CONFIG_AT + CONFIG_BYTES)
  config.writeBigUInt64LE((activeLow ? FLAG.activeLow : 0n) | (input === null ? 0n : inputFlags(input)), 0)
  if (input !== null && input.debounceMs > 0) writeAttribute(config, ATTRIBUTE_DEBOUNCE, BigInt(Math.round(input.debounceMs * 1000)))
  request.writeUInt32LE(1, 560)
  request.writeUInt32LE(input?.eventsKept ?? 0, 564)
  ioctl(chip, GET_LINE, request)
  const line = request.readInt32LE(588)
  try {
    setNonBlocking(line)
  } catch (error) {
    closeSync(line)
    throw error
  }
  return line
}

/** Makes the line an output, or an output of another kind: direction and level in one step. */
export function setOutput(line: number, { activeLow, drive, on }: OutputRequest): void {
  const config = Buffer.alloc(CONFIG_BYTES)
  let flags = FLAG.output
  if (activeLow) flags |= FLAG.activeLow
  if (drive === 'open-drain') flags |= FLAG.openDrain
  if (drive === 'open-source') flags |= FLAG.openSource
  config.writeBigUInt64LE(flags, 0)
  writeAttribute(config, ATTRIBUTE_OUTPUT_VALUES, on ? 1n : 0n)
  ioctl(line, SET_CONFIG, config)
}

export function readLine(line: number): boolean {
  const values = Buffer.alloc(VALUES_BYTES)
  values.writeBigUInt64LE(1n, 8)
  ioctl(line, GET_VALUES, values)
  return values.readBigUInt64LE(0) === 1n
}

export function writeLine(line: number, on: boolean): void {
  const values = Buffer.alloc(VALUES_BYTES)
  values.writeBigUInt64LE(on ? 1n : 0n, 0)
  values.writeBigUInt64LE(1n, 8)
  ioctl(line, SET_VALUES, values)
}

/** Room for so many events of readEvents. */
export function eventBuffer(events: number): Buffer {
  return Buffer.alloc(events * EVENT_BYTES)
}

/** The events that wait, oldest first, at most as many as `buffer` has room for; none when none wait. */
export function readEvents(line: number, buffer: Buffer): LineEvent[] {
  const bytes = readWaiting(line, buffer)
  const events: LineEvent[] = []
  for (let at = 0; at + EVENT_BYTES <= bytes; at += EVENT_BYTES) {
    events.push({ rising: buffer.readUInt32LE(at + 8) === RISING, atMs: Number(buffer.readBigUInt64LE(at)) / 1e6, number: buffer.readUInt32LE(at + 20) })
  }
  return events
}

function readWaiting(line: number, buffer: Buffer): number {
  try {
    return readSync(line, buffer)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}

function inputFlags({ edges, pull }: InputRequest): bigint {
  let flags = FLAG.input
  if (edges === 'rising' || edges === 'both') flags |= FLAG.edgeRising
  if (edges === 'falling' || edges === 'both') flags |= FLAG.edgeFalling
  if (pull === 'up') flags |= FLAG.pullUp
  if (pull === 'down') flags |= FLAG.pullDown
  if (pull === 'none') flags |= FLAG.pullNone
  return flags
}

/** The first and only attribute of a configuration, for the first and only line. */
function writeAttribute(config: Buffer, id: number, value: bigint): void {
  config.writeUInt32LE(1, 8)
  config.writeUInt32LE(id, 32)
  config.writeBigUInt64LE(value, 40)
  config.writeBigUInt64LE(1n, 48)
}

function textAt(bytes: Buffer, at: number): string {
  const name = bytes.subarray(at, at + NAME_BYTES)
  const end = name.indexOf(0)
  return name.toString('utf8', 0, end < 0 ? NAME_BYTES : end)
}
