// A socket file and what can be in its place: nothing, a live socket, one that a killed process left, something else.
// Removed is only what nobody listens on any more.
import { chmodSync } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { OperatorError } from './errors.ts'

/** Nobody but the owner, until the socket has its own permission. */
const UMASK = 0o177

/** Makes room at `path`. Throws OperatorError E_PORT_TAKEN when somebody listens there, E_LISTEN when something else is there. */
export async function clearSocket(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isSocket()) throw new OperatorError('E_LISTEN', `${path} is there already and is no socket`)
    if (await isLive(path)) throw new OperatorError('E_PORT_TAKEN', `the socket ${path} is taken by another program`)
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Also true when that cannot be told: another user's socket, or one whose queue is full. */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'))
  })
}

/** Listens at `path` with the permission bits `mode`. The server emits 'listening' or 'error'; it removes the file when it is closed. */
export function listenOnSocket(server: Server, path: string, mode: number, backlog: number): void {
  const umask = process.umask(UMASK)
  try {
    server.listen({ path, backlog })
  } finally {
    process.umask(umask)
  }
  if (server.listening) chmodSync(path, mode)
}
