// What a configuration needs of the board, without places: for `sandpiper board`, which holds it against what is there.
import { keyOf, lineOf } from '../board/pin-map.ts'
import type { BoardUse } from './board-check.ts'
import type { BoardProfile, BootLines, Config } from './config.ts'
import { uartOf } from './board-ports.ts'
import { switchList } from './board-schema.ts'
import { bootLinesOf, Switches } from './board-switches.ts'
import { boardUses } from './board-uses.ts'
import { Place, Run } from './place.ts'
import { treeOf } from './yaml.ts'

export interface BoardNeeds {
  /** Lines by `keyOf`, and what they are for: `the sensor \`door\``. */
  readonly lines: readonly { readonly key: string; readonly owner: string }[]
  readonly switches: readonly NeededSwitch[]
}

export interface NeededSwitch {
  readonly id: string
  readonly title: string
  readonly owners: readonly string[]
  readonly devices: readonly string[]
  /** With their lines filled in. */
  readonly boot: readonly BootLines[]
}

/** `profile` may be another than the configuration's: that of the machine. */
export function boardNeeds(config: Config, profile: BoardProfile): BoardNeeds {
  const nowhere = new Place(new Run('', '', '', { mode: 'skip', env: {} }), treeOf({}, 0), '')
  const uses = boardUses(config, nowhere)
  const { enable } = config.board
  const switches = new Switches(profile, enable, false)
  const owners = new Map<string, string[]>(enable.map(({ id }) => [id, ['board.enable']]))
  for (const use of uses) {
    const id = switchOf(use, switches)
    if (id !== null) owners.set(id, [...(owners.get(id) ?? []), use.owner])
  }
  return {
    lines: uses.flatMap((use) => (use.kind === 'line' ? keysOf(use, profile) : [])),
    switches: switchList(profile)
      .filter((one) => owners.has(one.id))
      .map((one) => ({ id: one.id, title: one.title, owners: owners.get(one.id)!, devices: one.devices, boot: one.boot.map((boot) => ({ ...boot, lines: bootLinesOf(profile, one, boot, enable) })) })),
  }
}

function keysOf(use: BoardUse & { readonly kind: 'line' }, profile: BoardProfile): BoardNeeds['lines'] {
  const answer = lineOf(profile, use.line)
  return 'problem' in answer || answer.line === null ? [] : [{ key: keyOf(answer.line), owner: use.owner }]
}

function switchOf(use: BoardUse, switches: Switches): string | null {
  if (use.kind === 'bus') return use.bus
  return use.kind === 'port' ? (uartOf(use.path, switches)?.id ?? null) : null
}
