// Which board this is: what the firmware left in the device tree, or the BIOS in its tables, held against the profiles.
//
//   /proc/device-tree/compatible ─► a profile that lists one of its strings      the most specific string that anybody lists
//   /proc/device-tree/model      ─► a profile whose model it begins with         the longest
//   neither, and a device tree   ─► generic-arm64
//   /sys/class/dmi/id            ─► generic-x86-64
import { readStrings, readText } from './sysfs.ts'

/** What of a profile tells a board. */
export interface Known {
  readonly id: string
  readonly compatible: readonly string[]
  readonly models: readonly string[]
}

export interface Detection {
  /** Id of a profile; null when nothing is known of this machine. */
  readonly id: string | null
  /** As the firmware calls it. */
  readonly model: string | null
  readonly compatible: readonly string[]
}

/** `root` stands before /proc and /sys. Never throws. */
export function detectBoard(root: string, known: readonly Known[]): Detection {
  const compatible = readStrings(`${root}/proc/device-tree/compatible`)
  const model = readText(`${root}/proc/device-tree/model`)
  if (compatible.length > 0 || model !== null) {
    return { id: byCompatible(compatible, known) ?? byModel(model ?? '', known) ?? 'generic-arm64', model, compatible }
  }
  const vendor = readText(`${root}/sys/class/dmi/id/sys_vendor`)
  const product = readText(`${root}/sys/class/dmi/id/product_name`)
  if (vendor === null && product === null) return { id: null, model: null, compatible: [] }
  return { id: 'generic-x86-64', model: [vendor, product].filter((word) => word !== null && word !== '').join(' '), compatible: [] }
}

function byCompatible(compatible: readonly string[], known: readonly Known[]): string | null {
  for (const one of compatible) {
    const board = known.find((k) => k.compatible.includes(one))
    if (board !== undefined) return board.id
  }
  return null
}

function byModel(model: string, known: readonly Known[]): string | null {
  let best: { readonly id: string; readonly length: number } | null = null
  for (const { id, models } of known) {
    // "Raspberry Pi 5" is not what "Raspberry Pi 500" begins with.
    for (const one of models) if ((model === one || model.startsWith(`${one} `)) && one.length > (best?.length ?? 0)) best = { id, length: one.length }
  }
  return best?.id ?? null
}
