// `sandpiper configure`, for sandpiper-configure.service: what was confirmed gets into the file, on the card or in /etc.
import { statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { folderFiles } from '../card/files.ts'
import { replaceOnCard } from '../card/replace.ts'
import { CARD_LOCK, whileWritable } from '../card/writable.ts'
import { systemClock } from '../clock.ts'
import { takeConfirmed } from '../configuration/take.ts'
import { detectedBoard } from '../detected-board.ts'
import { OperatorError } from '../errors.ts'
import { replaceFile } from '../replace-file.ts'
import { thisMoment } from '../this-start.ts'

const CARD_FILE = 'gateway.yaml'

export interface ConfigureWords {
  readonly config?: string | undefined
  readonly card?: string | undefined
  readonly state?: string | undefined
  readonly root?: string | undefined
}

/** Answers what could not be done. */
export function configureCommand({ config, card, state, root = '' }: ConfigureWords): readonly string[] {
  const file = card === undefined ? config : join(card, CARD_FILE)
  if (file === undefined || state === undefined) throw new OperatorError('E_USAGE', 'configure needs the file, or the folder of the card, and that of the state: sandpiper configure --config /etc/sandpiper/gateway.yaml --state /var/lib/sandpiper')
  const write = (text: string): void => {
    const bytes = Buffer.from(text, 'utf8')
    if (card === undefined) replaceFile(resolve(file), bytes, { mode: statSync(file).mode & 0o777, keepsOwner: true })
    else whileWritable(dirname(resolve(file)), systemClock, () => replaceOnCard(folderFiles(card), CARD_FILE, bytes), join(root, CARD_LOCK))
  }
  return takeConfirmed({ file: resolve(file), state, moment: thisMoment(), detectedBoard: detectedBoard(root), write, root })
}
