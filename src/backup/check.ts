// Whether a database that has come in is whole: SQLite looks at all of it, which takes as long as reading it. That is done by a process of its own, at the
// lowest rank: the gateway's threads have clients that wait.
import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { OperatorError } from '../errors.ts'

const OUTPUT_BYTES_MAX = 16 * 1024
const LOWEST = 19

/** `program`: what starts Sandpiper. Rejects with OperatorError E_RESTORE when the database in `folder` cannot be used. */
export async function checkApart(program: readonly string[], folder: string, gone: AbortSignal): Promise<void> {
  const [command, ...args] = program
  const child = spawn(command!, [...args, 'restore', '--check', folder], { stdio: ['ignore', 'ignore', 'pipe'] })
  const stop = (): void => void child.kill('SIGKILL')
  gone.addEventListener('abort', stop)
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < OUTPUT_BYTES_MAX) said += text
  })
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve)
      child.once('spawn', () => {
        try {
          setPriority(child.pid!, LOWEST)
        } catch {
          // it has ended already
        }
      })
    })
    if (code !== 0) throw new OperatorError('E_RESTORE', said.trim().replace(/^sandpiper: /, '').replace(/: the store is as it was.*$/s, '') || 'the store of the backup could not be checked')
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError('E_RESTORE', `the store of the backup could not be checked (${(error as Error).message})`, { cause: error })
  } finally {
    gone.removeEventListener('abort', stop)
  }
}
