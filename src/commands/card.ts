// `sandpiper card`: one look of the appliance at itself.
import { join } from 'node:path'
import { systemMachine } from '../appliance/machine.ts'
import { folderFiles } from '../card/files.ts'
import { gatherFacts } from '../card/gather.ts'
import { Led } from '../card/led.ts'
import { look } from '../card/look.ts'
import { statusText } from '../card/status-text.ts'
import { CARD_LOCK, whileWritable } from '../card/writable.ts'
import { systemClock } from '../clock.ts'
import { detectedBoard } from '../detected-board.ts'
import { OperatorError } from '../errors.ts'
import { VERSION } from '../layout.ts'

export interface CardWords {
  readonly card?: string | undefined
  readonly state?: string | undefined
  readonly root?: string | undefined
  readonly 'dry-run'?: boolean | undefined
}

export async function cardCommand({ card, state, root = '', 'dry-run': dryRun = false }: CardWords): Promise<{ readonly stdout: string; readonly stderr: string }> {
  if (card === undefined || state === undefined) throw new OperatorError('E_USAGE', 'card needs the folder of gateway.yaml and that of the state: sandpiper card --card /boot/gateway --state /var/lib/sandpiper')
  const facts = await gatherFacts({ card, state, root }, systemClock, VERSION)
  if (dryRun) return { stdout: statusText(facts).replaceAll('\r\n', '\n'), stderr: '' }
  const { said, movedSecrets } = await look(facts, {
    clock: systemClock,
    files: folderFiles(card),
    configFile: join(card, 'gateway.yaml'),
    state,
    detectedBoard: detectedBoard(root),
    machine: systemMachine(root),
    led: new Led(root),
    whileWritable: (write) => whileWritable(card, systemClock, write, join(root, CARD_LOCK)),
  })
  return { stdout: movedSecrets === 0 ? '' : `${movedSecrets} of the file's secrets have worked and are kept on the data partition now\n`, stderr: said.map((line) => `${line}\n`).join('') }
}
