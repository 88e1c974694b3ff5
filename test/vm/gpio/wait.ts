// Real time inside the virtual machine.
import { systemClock } from '../../../src/clock.ts'

export const after = (ms: number): Promise<void> => new Promise((resolve) => void systemClock.after(ms, resolve))

/** Until it is so, or for so long. Answers whether it is. */
export async function until(isSo: () => boolean, ms = 10_000): Promise<boolean> {
  for (const end = systemClock.now() + ms; systemClock.now() < end; await after(20)) if (isSo()) return true
  return isSo()
}
