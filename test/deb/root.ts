// A Debian of its own in a folder, made from Debian's packages once and kept as an archive in the user's cache: what the package is installed into.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const PROJECT = join(import.meta.dirname, '../..')
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sandpiper')
/** Debian 12 and 13. */
export const RELEASES = ['bookworm', 'trixie'] as const
export type Release = (typeof RELEASES)[number]
/** What a plain Debian has anyway, and what the package depends on. */
const PACKAGES = ['systemd-sysv', 'udev', 'kmod', 'dbus', 'debconf', 'adduser', 'libatomic1', 'libstdc++6', 'init-system-helpers', 'iproute2', 'mosquitto-clients', 'ppp', 'procps']
const PROGRAMS: Readonly<Record<string, string>> = { mmdebstrap: '/usr/bin/mmdebstrap', lintian: '/usr/bin/lintian', cpio: '/usr/bin/cpio', binutils: '/usr/bin/strip', 'g++': '/usr/bin/g++' }

/** null, or why these tests do not run: to follow their title. Throws where they should and cannot. */
export function whyNot(): string | null {
  if (process.env.SANDPIPER_DEB === undefined) return 'npm run test:deb'
  const missing = Object.entries(PROGRAMS).flatMap(([name, file]) => (existsSync(file) ? [] : [name]))
  if (missing.length > 0) throw new Error(`the tests of the package need these Debian packages: apt-get install ${missing.join(' ')}`)
  if (process.getuid?.() !== 0) throw new Error('the tests of the package install it into a root of its own, and that needs root')
  return null
}

export interface Ran {
  readonly code: number
  readonly output: string
}

export function run(program: string, args: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {}): Promise<Ran> {
  const { input, ...rest } = options
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd: PROJECT, maxBuffer: 64_000_000, ...rest }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` })
    })
    child.stdin?.end(input ?? '')
  })
}

/** The package of this architecture, quickly: what it weighs is not what these tests ask. */
export function buildDeb(folder: string): Promise<Ran> {
  return run(join(PROJECT, 'scripts/build-deb'), ['amd64', folder], { env: { ...process.env, SANDPIPER_DEB_COMPRESSION: 'none' } })
}

/** The archive, made where it is not there yet: a minute or two. */
export async function archive(release: Release): Promise<string> {
  const file = join(CACHE, `deb-root-${release}-${createHash('sha256').update(PACKAGES.join()).digest('hex').slice(0, 12)}.tar`)
  if (existsSync(file)) return file
  await mkdir(CACHE, { recursive: true })
  // The machine's own source of Debian's packages; its releases are not asked for.
  const { stdout } = await promisify(execFile)('apt-get', ['indextargets', '--format', '$(ORIGIN)/$(LABEL)/$(COMPONENT) $(REPO_URI)', 'Created-By: Packages'])
  const mirror = /^Debian\/Debian\/main (\S+)$/m.exec(stdout)?.[1]
  if (mirror === undefined) throw new Error("this machine has no source of Debian's packages")
  const options = ['--mode=root', '--variant=apt', '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"', '--dpkgopt=path-exclude=/usr/share/man/*', '--dpkgopt=path-exclude=/usr/share/locale/*']
  const made = await run('mmdebstrap', [...options, `--include=${PACKAGES.join(',')}`, release, `${file}.new.tar`, '-'], { input: `deb ${mirror} ${release} main\n` })
  if (made.code !== 0) throw new Error(made.output)
  await rename(`${file}.new.tar`, file)
  return file
}

export class DebianRoot implements AsyncDisposable {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async make(release: Release = 'bookworm'): Promise<DebianRoot> {
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-deb-'))
    const unpacked = await run('tar', ['xpf', await archive(release), '-C', folder])
    if (unpacked.code !== 0) throw new Error(unpacked.output)
    return new DebianRoot(folder)
  }

  /** A shell command inside, as root, with nobody to ask. */
  sh(command: string): Promise<Ran> {
    return run('chroot', [this.folder, '/bin/sh', '-c', command], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What is mounted in it belongs to the machine: never through a mount.
    await run('rm', ['-rf', '--one-file-system', this.folder])
  }
}
