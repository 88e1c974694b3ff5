// What tests of started images have in common: a gateway.yaml that lets the test in, and what GRUB's environment block says.
import type { Card } from './card.ts'
import type { Key } from './machine.ts'

/** The emulator's host, as the machine sees it. */
export const HOST = '10.0.2.2'

/** One listener for everybody, SSH for the test, and further lines. */
export function configuration(key: Key, more = ''): string {
  return `site: roof\nbroker: { listeners: [{ port: 1883, host: "::", anonymous: true }] }\nssh: { keys: ["${key.publicKey}"] }\n${more}`
}

export interface BootBlock {
  readonly good: string
  readonly try: string
  readonly tries: string
}

/** The variables of the block, which has to have all 1024 bytes. */
export function readBlock(card: Card): BootBlock {
  const bytes = card.readBytes('grub/grubenv')
  if (bytes.length !== 1024) throw new Error(`the block has ${bytes.length} bytes`)
  const lines = new Map(bytes.toString('latin1').split('\n').map((line) => line.split('=') as [string, string | undefined]))
  return { good: lines.get('good') ?? '', try: lines.get('try') ?? '', tries: lines.get('tries') ?? '' }
}

export function writeBlock(card: Card, block: BootBlock): void {
  card.write('grub/grubenv', `# GRUB Environment Block\ngood=${block.good}\ntry=${block.try}\ntries=${block.tries}\n`.padEnd(1024, '#'))
}
