// The image that tests start: made by image/build for exactly these sources, and kept outside the project. Building takes some minutes and root.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rename, rm, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Architecture, ARCHITECTURE, missingFor, type Model } from './models.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sandpiper')
/** All that image/build reads, but what it fetches. */
const SOURCES = ['image', 'systemd', 'src', 'board', 'scripts/deb', 'scripts/build-deb', 'scripts/bundle.ts', 'package-lock.json']
export const BUILD_MS_MAX = 1_500_000
const KEPT_IMAGES_MAX = 4

/** Builds the image for this machine where it is not there yet, and resolves with its path. Rejects with a sentence. */
export async function prepareImage(model: Model): Promise<string> {
  const why = whyWithoutMachine(model)
  if (why !== null) throw new Error(why)
  const arch = ARCHITECTURE[model]
  const folder = folderOf(arch)
  if (imageIn(folder) === null) {
    const fresh = `${folder}.new`
    await rm(fresh, { recursive: true, force: true })
    await mkdir(fresh, { recursive: true })
    try {
      await promisify(execFile)(join(PROJECT, 'image/build'), [arch, '--out', fresh, '--pack', 'none'], { timeout: BUILD_MS_MAX, maxBuffer: 64_000_000 })
    } catch (error) {
      const { stderr = '' } = error as { readonly stderr?: string }
      throw new Error(`the image could not be built: ${stderr.trim().split('\n').slice(-5).join('\n') || String(error)}`, { cause: error })
    }
    await rename(fresh, folder)
    await forgetOld()
  }
  await utimes(folder, new Date(), new Date())
  return imageIn(folder)!
}

/** The long files of this folder take hours: `npm run test:image` runs them. */
export const isLongRun = process.env.SANDPIPER_IMAGE === 'required'
export const skipNote = isLongRun ? '' : ' (skipped: npm run test:image runs it)'

/** For the one boot of the whole suite: why this machine cannot build an image and start it, or null. */
export function whyWithoutImage(model: Model): string | null {
  return whyWithoutMachine(model) ?? (process.getuid?.() === 0 ? null : 'building an image needs root')
}

function whyWithoutMachine(model: Model): string | null {
  if (process.platform !== 'linux') return 'images are started on Linux only'
  const missing = missingFor(model)
  return missing.length === 0 ? null : `to start an image, apt-get install ${missing.join(' ')}`
}

function folderOf(arch: Architecture): string {
  const hash = createHash('sha256')
  for (const file of SOURCES.flatMap((name) => filesUnder(name))) hash.update(`${file}\0`).update(readFileSync(join(PROJECT, file)))
  return join(CACHE, `image-test-${arch}-${hash.digest('hex').slice(0, 12)}`)
}

function filesUnder(name: string): string[] {
  const path = join(PROJECT, name)
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [name]
  return readdirSync(path).sort().flatMap((entry) => filesUnder(join(name, entry)))
}

function imageIn(folder: string): string | null {
  const name = existsSync(folder) ? readdirSync(folder).find((one) => /^sandpiper-.*\.img$/.test(one)) : undefined
  return name === undefined ? null : join(folder, name)
}

async function forgetOld(): Promise<void> {
  const folders = readdirSync(CACHE).filter((name) => name.startsWith('image-test-')).map((name) => join(CACHE, name))
  const old = folders.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs).slice(KEPT_IMAGES_MAX)
  await Promise.all(old.map((folder) => rm(folder, { recursive: true, force: true })))
}
