// board/<id>/board.yaml → a BoardProfile, or everything that is wrong with it, each with its file, line and column.
//
//   rpi-cm4 ─ extends ─► rpi-4 ─ extends ─► rpi-3b        read and checked one by one, then put together (board-merge.ts)
//
// An id means a folder of board/ beside the source; anything with a slash is a path, which starts from the file that names it.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { BOARDS } from '../layout.ts'
import type { BoardProfile } from './board-config.ts'
import { putTogether, type ProfileFile } from './board-merge.ts'
import { profileFile } from './board-profile-schema.ts'
import { Place, Run, type Problem } from './place.ts'
import { nearest } from './spelling.ts'
import { parseYaml } from './yaml.ts'

const PROFILE_NAME = 'board.yaml'
const PROFILE_BYTES_MAX = 200_000
/** One level is the habit; more than this is a mistake. */
const EXTENDS_MAX = 8

export interface LoadedProfile {
  readonly profile: BoardProfile
  /** Absolute paths of all files that were read. */
  readonly files: readonly string[]
}

export interface RefusedProfile {
  readonly problems: readonly Problem[]
  /** The file that the problems are in. */
  readonly file: string
  readonly text: string | null
  /** All that is wrong is that there is no profile of this name: what it could have been. */
  readonly isUnknown: boolean
}

/** Ids of the profiles that come with the gateway; none where their folder was left behind. */
export function boardIds(folder = BOARDS): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, PROFILE_NAME)))
    .map((entry) => entry.name)
    .toSorted()
}

/** `name`: an id, or a path (with a slash) that starts from `from`. */
export function loadProfile(name: string, from: string, folder = BOARDS): LoadedProfile | RefusedProfile {
  const chain: ProfileFile[] = []
  let path: string | null = pathOf(name, from, folder)
  while (path !== null) {
    const twice = chain.findIndex((file) => file.path === path)
    if (twice >= 0 || chain.length > EXTENDS_MAX) {
      const last = chain.at(-1)!
      const way = [...chain.slice(twice).map((file) => file.draft.id), basename(dirname(path))].join(' → ')
      const what = twice < 0 ? `more than ${EXTENDS_MAX} profiles extend one another` : `the profiles extend each other in a circle: ${way}`
      last.place.key('extends').problem(what, 'one of them must stand by itself')
      return refused(last.place.run, last.path)
    }
    const file: ProfileFile | RefusedProfile = readOne(path, chain.at(-1) ?? null, name, folder)
    if ('problems' in file) return file
    chain.push(file)
    path = file.draft.extends === null ? null : pathOf(file.draft.extends, dirname(file.path), folder)
  }
  const profile = putTogether(chain)
  const wrong = chain.find((file) => file.place.run.problems.length > 0)
  if (wrong !== undefined || profile === undefined) return refused((wrong ?? chain[0]!).place.run, (wrong ?? chain[0]!).path)
  return { profile, files: chain.map((file) => file.path) }
}

/** All that come with the gateway. Throws when one of them is broken: they are tested. */
export function allProfiles(folder = BOARDS): readonly BoardProfile[] {
  return boardIds(folder).map((id) => ownProfile(id, folder))
}

/** Those whose own file has one of the words in it: a tenth of the time that all would take. */
export function profilesNaming(words: readonly string[], folder = BOARDS): readonly BoardProfile[] {
  if (words.length === 0) return []
  const named = boardIds(folder).filter((id) => {
    const text = readFileSync(join(folder, id, PROFILE_NAME), 'utf8')
    return words.some((word) => text.includes(word))
  })
  return named.map((id) => ownProfile(id, folder))
}

function ownProfile(id: string, folder: string): BoardProfile {
  const loaded = loadProfile(id, folder, folder)
  if ('problems' in loaded) throw new Error(`${loaded.file}: ${loaded.problems[0]!.message}`)
  return loaded.profile
}

function pathOf(name: string, from: string, folder: string): string {
  return name.includes('/') ? resolve(from, name) : join(folder, name, PROFILE_NAME)
}

function readOne(path: string, child: ProfileFile | null, name: string, folder: string): ProfileFile | RefusedProfile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return unreadable(path, child, name, folder)
  }
  const run = new Run(text, dirname(path), '', { mode: 'skip', env: {} }, basename(path))
  if (text.length > PROFILE_BYTES_MAX) {
    run.problem(0, '', `the profile is larger than ${PROFILE_BYTES_MAX / 1000} kB`, 'a board is a short list of differences')
    return refused(run, path)
  }
  const { tree, mistakes, broken } = parseYaml(text)
  for (const mistake of mistakes) run.problem(mistake.start, '', mistake.message, mistake.hint)
  if (tree === null && !broken) run.problem(0, '', 'the profile is empty', 'it needs at least `id: NAME` and `title: …`, or `extends: …`')
  if (tree === null || broken || run.problems.length > 0) return refused(run, path)
  const place = new Place(run, tree, '')
  const draft = profileFile.check(place)
  if (draft === undefined) return refused(run, path)
  const folderName = basename(dirname(path))
  if (path === join(folder, folderName, PROFILE_NAME) && draft.id !== folderName) {
    place.key('id').problem(`\`id\` is "${draft.id}", and the folder is ${folderName}`, 'they must be the same')
    return refused(run, path)
  }
  return { path, draft, place }
}

function unreadable(path: string, child: ProfileFile | null, name: string, folder: string): RefusedProfile {
  if (child !== null) {
    const { place } = child
    place.key('extends').problem(`the profile "${child.draft.extends}" cannot be read`, whichInstead(child.draft.extends!, folder))
    return refused(place.run, child.path)
  }
  const problem: Problem = { code: 'E_CONFIG', line: 1, column: 1, path: '', message: name.includes('/') ? `${path} cannot be read` : `there is no board "${name}"`, hint: whichInstead(name, folder) }
  return { problems: [problem], file: path, text: null, isUnknown: true }
}

function whichInstead(name: string, folder: string): string {
  if (name.includes('/')) return 'give the path of a readable board.yaml'
  const ids = boardIds(folder)
  const near = nearest(name, ids)
  return `${near === null ? '' : `did you mean ${near}? `}known are ${ids.join(', ')}; a path with a slash is a profile of your own`
}

function refused(run: Run, path: string): RefusedProfile {
  return { problems: run.problems, file: path, text: run.text, isUnknown: false }
}
