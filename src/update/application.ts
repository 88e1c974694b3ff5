// Applications: programs that run in place of the root slot's own one. What lies in /data/app:
//
//   VERSION-HASH/   sandpiper.mjs, board/, `addons` → the root's, and `root`: the identity of the program that it replaces
//   current         link to the one that is started; /usr/bin/sandpiper takes it when its `root` is the identity of this root's program
//   previous        link to the one before; none: the root's own program
//   tries           "NAME N": starts that the current one still gets, counted by app-start; none: it is known to work
//   .new/           one that is being written
//
// What is always true
//   1. `current` changes in one step, and what it names is whole: a power cut leaves the old program or the new one.
//   2. An application is never started without `tries` before it was seen to work.
//   3. It runs on the root program that it was installed over and on no other. A root update with another program ends it; going back to the
//      root of before brings it back.
//   4. Two applications are kept at most: the current one and the one before.
import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { type Identity, IDENTITY_FILE, parseIdentity } from './identity.ts'
import type { Places } from './places.ts'
import { BUNDLE_NAME, type Files } from './tree.ts'
import { isVersion } from './version.ts'

export const TRIES_MAX = 3
const NAME = /^(.+)-[0-9a-f]{8}$/
const BOARD_FOLDER = 'board'
/** Deeper than any path of a program. */
const DEPTH_MAX = 4

export interface Program {
  readonly version: string
  readonly folder: string
  /** Of an application, its name in /data/app; null for the root's own program. */
  readonly application: string | null
}

export class Applications {
  readonly #places: Places
  readonly #disk: Disk

  constructor(places: Places, disk: Disk) {
    this.#places = places
    this.#disk = disk
  }

  /** Of the root's own program; null where it has none (a program that was not bundled). */
  identity(): Identity | null {
    return parseIdentity(this.#identityLine())
  }

  /** What is started now; null when there is neither. */
  running(): Program | null {
    const name = this.#named('current')
    if (name !== null && this.#fits(name)) return { version: versionOf(name)!, folder: join(this.#places.apps, name), application: name }
    const identity = this.identity()
    return identity === null ? null : { version: identity.version, folder: this.#places.program, application: null }
  }

  /** Its starts are counted: it has not been seen to work yet. */
  isOnTrial(): boolean {
    const name = this.#named('current')
    return name !== null && (this.#disk.read(join(this.#places.apps, 'tries'))?.toString('utf8').startsWith(`${name} `) ?? false)
  }

  /** What it will be called. */
  nameOf(version: string, treeSha256: string): string {
    return `${version}-${treeSha256.slice(0, 8)}`
  }

  /** Writes an application beside the others, and answers its folder. It may be repeated after a power cut at any step. */
  stage(name: string, files: Files): string {
    const disk = this.#disk
    const { apps, program } = this.#places
    const folder = join(apps, name)
    disk.makeFolder(apps)
    if (this.#fits(name)) return folder
    const fresh = join(apps, '.new')
    disk.remove(fresh)
    disk.remove(folder) // of another root, and not what runs here: that would fit
    disk.makeFolder(fresh)
    for (const [path, content] of files) {
      disk.makeFolder(join(fresh, path, '..'))
      disk.write(join(fresh, path), content)
    }
    disk.link(join(fresh, 'addons'), join(program, 'addons'))
    disk.write(join(fresh, 'root'), `${this.#identityLine()}\n`)
    disk.move(fresh, folder)
    return folder
  }

  /** Makes a staged application the current one, on trial. */
  switchTo(name: string): void {
    const disk = this.#disk
    const { apps } = this.#places
    const before = this.running()
    if (before?.application === name) return
    if (before === null || before.application === null) disk.remove(join(apps, 'previous'))
    else disk.link(join(apps, 'previous'), before.application)
    disk.replace(join(apps, 'tries'), `${name} ${TRIES_MAX}\n`)
    disk.link(join(apps, 'current'), name)
    this.#sweep()
  }

  /** The current one works. */
  keep(): void {
    this.#disk.remove(join(this.#places.apps, 'tries'))
    this.#sweep()
  }

  /** Back to the one before, or to the root's own program. False when that runs already. */
  drop(): boolean {
    const disk = this.#disk
    const { apps } = this.#places
    const previous = this.#named('previous')
    const wasThere = this.#named('current') !== null
    if (previous !== null && this.#fits(previous)) disk.link(join(apps, 'current'), previous)
    else disk.remove(join(apps, 'current'))
    disk.remove(join(apps, 'previous'))
    disk.remove(join(apps, 'tries'))
    return wasThere
  }

  /** What neither link names. */
  #sweep(): void {
    const kept = new Set([this.#named('current'), this.#named('previous')])
    for (const name of this.#disk.names(this.#places.apps)) if (versionOf(name) !== null && !kept.has(name)) this.#disk.remove(join(this.#places.apps, name))
  }

  #named(link: string): string | null {
    const name = this.#disk.linkAt(join(this.#places.apps, link))
    return name !== null && versionOf(name) !== null ? name : null
  }

  #fits(name: string): boolean {
    const root = this.#disk.read(join(this.#places.apps, name, 'root'))?.toString('utf8')
    return root !== undefined && root.trimEnd() === this.#identityLine() && this.#disk.size(join(this.#places.apps, name, BUNDLE_NAME)) > 0
  }

  #identityLine(): string {
    return this.#disk.read(join(this.#places.program, IDENTITY_FILE))?.toString('utf8').trimEnd() ?? ''
  }
}

/** The files of a program in a folder that may have others beside them: what a delta is made against. */
export function filesBelow(folder: string, { names, read }: Pick<Disk, 'names' | 'read'>): Files {
  const files = new Map<string, Buffer>()
  const take = (path: string, depth: number): void => {
    const inside = depth > DEPTH_MAX ? [] : names(join(folder, path))
    for (const name of inside) take(`${path}/${name}`, depth + 1)
    const content = inside.length > 0 ? null : read(join(folder, path))
    if (content !== null) files.set(path, content)
  }
  take(BUNDLE_NAME, DEPTH_MAX + 1)
  take(BOARD_FOLDER, 0)
  return files
}

/** null when a name is not that of an application. */
function versionOf(name: string): string | null {
  const version = NAME.exec(name)?.[1]
  return isVersion(version) ? version : null
}
