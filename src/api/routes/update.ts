// Updates of the appliance: what is installed, what is on trial, and asking for another one. Installing is the update service's, which takes nothing that is not signed.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { VERSION } from '../../layout.ts'
import { Applications } from '../../update/application.ts'
import { disk } from '../../update/disk.ts'
import { Records } from '../../update/record.ts'
import { describeOutcome, describeProgress, statusOf } from '../../update/report.ts'
import { ask } from '../../update/request.ts'
import type { ApiParts } from '../parts.ts'
import { Problem } from '../problem.ts'
import { flag, input, list, orNull, record, type Route, text, time } from '../route.ts'

const ASKED = record({ id: text('Of the request: `last.id` has it when it is done.') })

export function updateRoutes({ places }: ApiParts): Route[] {
  const isAvailable = (): boolean => disk.read(places.raucConfig, 0) !== null
  const wish = (wanted: Parameters<typeof ask>[1]) => {
    if (!isAvailable()) throw new Problem('conflict', 'this machine does not run from the image: install the newer package there')
    const folder = join(places.gateway, 'requests')
    mkdirSync(folder, { recursive: true })
    return { id: ask(folder, wanted, null) }
  }
  return [
    {
      method: 'GET',
      path: '/update',
      role: 'viewer',
      tag: 'update',
      summary: 'What is installed, what is on trial, and what became of the last update',
      answer: record({
        available: flag('This machine runs from the image, which updates itself.'),
        version: text('Of the program that runs.'),
        rootVersion: orNull(text('Of the root’s own program; the one that runs may be an application update over it.')),
        slot: orNull(text('The root that runs: A or B.')),
        trial: orNull(record({ kind: text('root or application.'), version: text('On trial.'), from: text('Comes back when it does not work.'), waitsFor: list(text('An uplink: one of them has to connect.')) })),
        progress: orNull(text('What is going on, in words.')),
        last: orNull(record({ id: orNull(text('Of the request.')), outcome: { enum: ['installed', 'rolled-back', 'refused', 'failed'] }, version: orNull(text('Of what was to be installed.')), at: time('When.'), text: text('In words.') })),
      }),
      handle: () => {
        const { rootVersion, slot, trial, progress, last } = statusOf(places, disk, new Records(places, disk), new Applications(places, disk))
        return {
          available: isAvailable(),
          version: VERSION,
          rootVersion,
          slot,
          trial,
          progress: progress === null ? null : describeProgress(progress),
          last: last === null ? null : { id: last.job, outcome: last.outcome, version: last.version, at: new Date(last.atMs).toISOString(), text: describeOutcome(last) },
        }
      },
    },
    {
      method: 'POST',
      path: '/update/install',
      role: 'admin',
      tag: 'update',
      summary: 'Asks for an update: an application package, or the bundle of a root',
      body: input({ url: text('Where it is.', { pattern: '^[hH][tT][tT][pP][sS]?://', maxLength: 2000 }), sha256: text('Of the file, where it is known.', { pattern: '^[0-9a-fA-F]{64}$' }) }, ['url']),
      problems: ['conflict'],
      answer: ASKED,
      handle: ({ body }) => {
        const { url, sha256 } = body as { readonly url: string; readonly sha256?: string }
        return wish({ install: url, ...(sha256 === undefined ? {} : { sha256 }) })
      },
    },
    {
      method: 'POST',
      path: '/update/rollback',
      role: 'admin',
      tag: 'update',
      summary: 'Asks for what ran before',
      problems: ['conflict'],
      answer: ASKED,
      handle: () => wish({ rollback: true }),
    },
  ]
}
