// The store, taken away as a file and brought back, while messages flow.
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { BACKUP_TYPE } from '../../backup/manifest.ts'
import { OperatorError } from '../../errors.ts'
import { VERSION } from '../../layout.ts'
import { WRITTEN } from '../../store/store.ts'
import type { ApiParts } from '../parts.ts'
import { Problem } from '../problem.ts'
import { count, record, type Route, text } from '../route.ts'

/** Nothing of an upload has come for so long. A card may take its time to sync what has come. */
const SILENCE_MS_MAX = 300_000

export function backupRoutes({ gateway, clock, warn, program, restart }: ApiParts): Route[] {
  const { site, store: { path: folder } } = gateway.config
  let isBusy = false
  return [
    {
      method: 'GET',
      path: '/backup',
      role: 'admin',
      tag: 'backup',
      summary: 'A backup of the store, as it is now',
      description: 'Queues, sessions, retained messages, budgets and counters, and the files of uplinks: a tar archive in zstd, with a manifest first and hashes last (src/backup/README.md). Not in it: the configuration, secrets, keys. It holds what clients have published: keep it as you keep that. Messages go on meanwhile.',
      problems: ['conflict', 'unavailable'],
      answer: { mediaType: BACKUP_TYPE },
      handle: () => alone(async (release) => {
        const { makeBackup } = await import('../../backup/make.ts')
        const copy = async () => (await gateway.copyStore()) ?? Promise.reject(new OperatorError('E_BACKUP', 'this gateway keeps its store in memory'))
        const { stream } = await makeBackup({ folder, site, version: VERSION, wallMs: clock.wall(), copy })
        stream.once('error', (error) => warn({ why: error.message }, 'a backup was broken off')).once('close', release)
        return stream
      }),
    },
    {
      method: 'POST',
      path: '/restore',
      role: 'admin',
      tag: 'backup',
      summary: 'Puts a backup in the place of the store',
      description: 'All of it is checked before anything is touched: hashes, version, site, size, and the database itself. It takes the place of the store with the next start, which the answer is followed by. The store of now is kept beside it (`replaced/`), with what has come since the backup was made; one is kept. Messages that were sent since the backup come twice.',
      bodyType: BACKUP_TYPE,
      query: { otherSite: { type: 'boolean', default: false, description: 'Also that of another site.' } },
      problems: ['conflict', 'unusable-backup'],
      answer: record({ site: text('Whose it is.'), version: text('Of the release that has made it.'), madeAt: text('When it was made, as far as that gateway knew.'), bytes: count('Of the store in it.') }),
      handle: ({ query, body, gone }) => alone(async (release) => {
        const [{ receive, makePending, discard }, { checkApart }] = await Promise.all([import('../../backup/receive.ts'), import('../../backup/check.ts')])
        const patience = patienceWith(body as Readable & { readonly socket: { readonly bytesRead: number } })
        try {
          const { site: from, version, madeAt, databaseBytes } = await receive(body as Readable, { folder, site: query['otherSite'] === true ? null : site })
          try {
            await checkApart(program, join(folder, WRITTEN), gone)
          } catch (error) {
            await discard(folder)
            throw error
          }
          await makePending(folder)
          restart('a backup takes the place of the store')
          return { site: from, version, madeAt, bytes: databaseBytes }
        } finally {
          patience.cancel()
          release()
        }
      }),
    },
  ]

  /** One at a time, until it calls `release` or fails. */
  async function alone<T>(work: (release: () => void) => Promise<T>): Promise<T> {
    if (isBusy) throw new Problem('conflict', 'another backup is being made or restored: wait for its end')
    isBusy = true
    const release = (): void => void (isBusy = false)
    try {
      return await work(release)
    } catch (error) {
      release()
      if (!(error instanceof OperatorError)) throw error
      throw new Problem(error.code === 'E_RESTORE' ? 'unusable-backup' : 'unavailable', error.message)
    }
  }

  function patienceWith(body: Readable & { readonly socket: { readonly bytesRead: number } }): { cancel(): void } {
    let seen = -1
    return clock.every(SILENCE_MS_MAX, () => {
      const { bytesRead } = body.socket
      if (bytesRead === seen) body.destroy(new Error(`nothing more has come for ${SILENCE_MS_MAX / 1000} s`))
      seen = bytesRead
    })
  }
}
