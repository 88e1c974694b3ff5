// A line of the configuration on this machine: the chip that has it, its number in the old interface, and who holds it.
import type { FoundChip, HeldLine } from './chips.ts'
import { keyOf, lineOf, wordOf, type BoardPin, type Line, type LineReference, type PinMap } from './pin-map.ts'

export interface FoundLine {
  readonly line: Line
  readonly pin: BoardPin | null
  /** null: there is no chip of that label here. */
  readonly chip: FoundChip | null
  /** In /sys/class/gpio. */
  readonly sysfsNumber: number | null
  /** null: nobody, or it cannot be told (`chip.holdersKnown`). */
  readonly holder: HeldLine | null
}

/** A sentence when the name means no line, or a chip that is not here. Where the profile knows nothing of a name, the chips' lines are not searched. */
export function findLine(map: PinMap, reference: LineReference, chips: readonly FoundChip[]): FoundLine | string {
  const answer = lineOf(map, reference)
  if ('problem' in answer) return `${answer.problem}: ${answer.hint}`
  if (answer.line === null) return `the profile of ${map.title} does not know ${wordOf(reference)}`
  const { line, pin } = answer
  const alike = chips.filter((chip) => chip.label === line.chip)
  if (alike.length > 1) return `there are ${alike.length} GPIO chips "${line.chip}", and which one ${keyOf(line)} is on cannot be told`
  const chip = alike[0] ?? null
  const base = chip?.sysfsBase ?? null
  return { line, pin, chip, sysfsNumber: base === null ? null : base + line.offset, holder: chip?.held.find((held) => held.offset === line.offset) ?? null }
}
