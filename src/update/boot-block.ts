// GRUB's environment block, read: which slot starts next, and why. Pure. Written by the device's boot-slot alone, in place, and by grub.cfg,
// which counts `tries` down (image/rootfs/usr/lib/sandpiper/boot-slot has the rules).

export type Slot = 'A' | 'B'

export interface BootBlock {
  /** Known to work. */
  readonly good: Slot
  /** On trial: started instead while it has tries. null for none. */
  readonly onTrial: Slot | null
  /** Starts that the one on trial still gets. */
  readonly tries: number
}

const BLOCK_BYTES = 1024
const HEADER = '# GRUB Environment Block\n'

/** null for a block that says nothing: damaged, torn, of another size. */
export function parseBootBlock(bytes: Buffer): BootBlock | null {
  const text = bytes.toString('latin1')
  if (bytes.length !== BLOCK_BYTES || !text.startsWith(HEADER)) return null
  const lines = text.split('\n')
  const valueOf = (name: string): string | undefined => lines.findLast((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
  const good = slotOf(valueOf('good'))
  const tries = /^\d$/.exec(valueOf('tries') ?? '')
  return good === null ? null : { good, onTrial: slotOf(valueOf('try')), tries: Number(tries?.[0] ?? 0) }
}

/** That the kernel was started with; null where there are no slots. */
export function slotInUse(cmdline: string): Slot | null {
  return slotOf(/(?:^| )sandpiper\.slot=(\S*)/.exec(cmdline.trim())?.[1])
}

export function otherSlot(slot: Slot): Slot {
  return slot === 'A' ? 'B' : 'A'
}

function slotOf(text: string | undefined): Slot | null {
  return text === 'A' || text === 'B' ? text : null
}
