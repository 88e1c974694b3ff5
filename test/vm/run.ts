// A virtual machine for what this machine's kernel may not have: PPP, netem, namespaces without rights. It boots in three seconds under plain
// emulation, mounts the project read-only where it is, runs one script as root, and ends with the script's exit code.
//
// What is always true: nothing is installed and no rights are needed; the machine is built once for its recipe (build.sh, init) into a cache
// outside the project; nothing that a script does outlives it. Its time is its own: as long as it computes, its clock counts instructions, so that a
// machine with other work makes it late, but lets no time-out in there pass.
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rm, utimes } from 'node:fs/promises'
import { arch, homedir, platform } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { endWithUs } from '../support/orphans.ts'

const HERE = import.meta.dirname
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sandpiper')
const BUILD_SEC_MAX = 300
const RUN_MS_MAX = 900_000
/** For a hook or test that runs the machine: it is told first when that takes too long, and shows what was printed. */
export const VM_TEST_MS_MAX = RUN_MS_MAX + 20_000
const OUTPUT_CHARS_MAX = 1_000_000
const UNUSED_DAYS_MAX = 30

export interface VmResult {
  /** Exit code of the script. */
  readonly status: number
  /** What it printed, on either stream. */
  readonly output: string
  readonly ms: number
}

/** Where the machine of this recipe is, or will be. */
export function vmFolder(): string {
  const recipe = createHash('sha256')
  for (const file of ['build.sh', 'init']) recipe.update(readFileSync(join(HERE, file)))
  if (existsSync('/etc/os-release')) recipe.update(readFileSync('/etc/os-release'))
  return join(CACHE, `vm-${recipe.digest('hex').slice(0, 12)}`)
}

/**
 * Builds the machine where it is not there yet. Resolves with null, or with a sentence that says why there can be none; rejects with it where
 * SANDPIPER_VM=required.
 */
export async function prepareVm(): Promise<string | null> {
  const why = whyNot() ?? (await build())
  if (why !== null && process.env.SANDPIPER_VM === 'required') throw new Error(why)
  return why
}

/** To follow the title of tests that are skipped. */
export function whyWithoutVm(reason: string | null): string {
  return reason === null ? '' : ` (skipped: ${reason})`
}

async function build(): Promise<string | null> {
  const folder = vmFolder()
  if (!existsSync(join(folder, 'initrd'))) {
    await mkdir(CACHE, { recursive: true })
    await forgetUnused()
    try {
      // timeout ends what build.sh has started too; of several that want the machine one builds it.
      await promisify(execFile)('timeout', ['-k', '5', `${BUILD_SEC_MAX}`, 'flock', join(CACHE, 'vm.lock'), join(HERE, 'build.sh'), folder], { maxBuffer: 64_000_000 })
    } catch (error) {
      const { stderr = '' } = error as { readonly stderr?: string }
      return `the virtual machine could not be built: ${stderr.trim().split('\n').at(-1) ?? String(error)}`
    }
  }
  await utimes(folder, new Date(), new Date())
  return null
}

function whyNot(): string | null {
  if (platform() !== 'linux' || arch() !== 'x64') return 'the virtual machine is built on amd64 Linux only'
  if (/[\s,]/.test(PROJECT)) return 'the virtual machine cannot mount a project whose path has a blank or a comma'
  const missing = ['bash', 'timeout', 'flock', 'apt-get', 'dpkg-deb', 'tar'].find((program) => !isInPath(program))
  return missing === undefined ? null : `the virtual machine is built from Debian packages, and ${missing} is not here`
}

function isInPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

async function forgetUnused(): Promise<void> {
  const oldest = Date.now() - UNUSED_DAYS_MAX * 86_400_000
  const unused = readdirSync(CACHE).filter((name) => name.startsWith('vm-') && statSync(join(CACHE, name)).mtimeMs < oldest)
  await Promise.all(unused.map((name) => rm(join(CACHE, name), { recursive: true, force: true })))
}

/**
 * Runs a shell script of the project as root inside. It finds the project in $PROJECT, Node in $NODE, and Debian's ppp, socat, iproute2, Mosquitto and
 * NetworkManager; busybox has the rest. Rejects when the machine does not end in time.
 */
export async function runInVm(script: string, options: { readonly timeoutMs?: number; readonly onOutput?: (text: string) => void } = {}): Promise<VmResult> {
  const folder = vmFolder()
  const began = performance.now()
  const [program, ...args] = qemu(folder, script)
  const child = endWithUs(spawn(program, args, { env: { QEMU_MODULE_DIR: join(folder, 'qemu/modules') }, stdio: ['ignore', 'pipe', 'pipe'] }))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX)
      options.onOutput?.(text)
    })
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? RUN_MS_MAX)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearTimeout(timer)
  // isa-debug-exit: what is written to the port comes out doubled, plus one.
  if (code === null || code % 2 === 0) throw new Error(`the virtual machine ended without a status (${code ?? 'out of time'}):\n${output}`)
  return { status: code >> 1, output, ms: performance.now() - began }
}

function qemu(folder: string, script: string): [string, ...string[]] {
  const kernel = [
    'console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off',
    'cryptomgr.notests', // which take seconds
    `vm.project=${PROJECT} vm.script=${join(PROJECT, script)} vm.end`,
  ]
  const args = [
    ['--library-path', join(folder, 'qemu/lib'), join(folder, 'qemu/qemu-system-x86_64'), '-L', join(folder, 'qemu/share')],
    // One processor: emulation keeps it busy, and other tests run beside it. Each of its instructions takes a nanosecond of its own time.
    ['-M', 'q35', '-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', '768', '-icount', 'shift=0'],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
    ['-fsdev', `local,id=project,path=${PROJECT},security_model=none,readonly=on,multidevs=remap`, '-device', 'virtio-9p-pci,fsdev=project,mount_tag=project'],
    ['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x01'],
    ['-kernel', join(folder, 'kernel'), '-initrd', join(folder, 'initrd'), '-append', kernel.join(' ')],
  ]
  return [join(folder, 'qemu/ld.so'), ...args.flat()]
}
