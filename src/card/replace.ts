// A file on the card is never written in place: its new text goes into a file beside it, is synced, takes its name, and the folder is synced.
//
//   NAME.DIGEST.new written and synced ─► renamed to NAME ─► folder synced
//
// A FAT file system has no journal: a power cut during the renaming may leave the old file, the new one, both names on one text, or the new one's
// name beside nothing. The name beside it carries a digest of what it holds, so that the next start knows whether it may finish what was begun.
//
// What is always true: of a file that was there before, the old or the new text is there after `recover`, whole. A file that the user has changed
// since is not touched: only where it is missing or empty is what lies beside it taken.
import { createHash } from 'node:crypto'
import type { CardFiles } from './files.ts'

const DIGEST_CHARS = 8
const ASIDE = /^(?<name>gateway\.yaml|STATUS\.txt)\.(?<digest>[0-9a-f]{8})\.new$/i
/** Worth finishing. What else is left over is only removed: it is written anew anyway. */
const PRECIOUS = 'gateway.yaml'

/** Throws the file system's error; then the file is as it was, or `recover` finishes it. */
export function replaceOnCard(files: CardFiles, name: string, bytes: Uint8Array): void {
  const aside = `${name}.${digestOf(bytes)}.new`
  files.remove(aside)
  files.writeNew(aside, bytes)
  // What FAT has really taken, before the old one goes.
  if (files.read(aside)?.equals(bytes) !== true) throw new Error('the card does not hold what was written to it')
  files.rename(aside, name)
  files.sync()
}

/** What an interrupted write has left. */
export type LeftOver = { readonly aside: string; readonly finish: string | null }

/** What has to be done before the card is as it should be. Changes nothing. */
export function leftOvers(files: CardFiles): readonly LeftOver[] {
  return files.list().flatMap((aside): LeftOver[] => {
    const { name, digest } = ASIDE.exec(aside)?.groups ?? {}
    if (name === undefined) return []
    const bytes = files.read(aside)
    const isWhole = bytes !== null && bytes.length > 0 && digestOf(bytes) === digest!.toLowerCase()
    const isMissing = (files.read(name)?.length ?? 0) === 0
    return [{ aside, finish: name === PRECIOUS && isWhole && isMissing ? name : null }]
  })
}

/** Finishes or removes them. Throws the file system's error. */
export function recover(files: CardFiles, all: readonly LeftOver[]): void {
  for (const { aside, finish } of all) {
    if (finish !== null) files.rename(aside, finish)
    else files.remove(aside)
  }
  if (all.length > 0) files.sync()
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST_CHARS)
}
