// Programs of the appliance that an update calls. The only place here that starts processes.
import { execFile, spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NODE_FLAGS } from '../node-flags.ts'
import type { Slot } from './boot-block.ts'
import { disk } from './disk.ts'
import type { Places } from './places.ts'
import { isVersion } from './version.ts'

const BOOT_SLOT_MS_MAX = 180_000
const INFO_MS_MAX = 120_000
const OUTPUT_BYTES_MAX = 1 << 20
const SERVICES = ['sandpiper-apply.service', 'sandpiper.service']

export interface BundleInfo {
  readonly compatible: string
  readonly version: string
}

export interface Machine {
  /** Orders of image/rootfs/usr/lib/sandpiper/boot-slot. */
  bootSlot(...order: string[]): Promise<void>
  /** A file of the card was installed (it is removed), or refused (it gets another name). */
  cardFile(order: 'remove' | 'refuse', path: string): Promise<void>
  /** Something was once written to a slot. */
  hasSystem(slot: Slot): Promise<boolean>
  /** What a bundle says of itself when its signature is good; a sentence otherwise. */
  bundleInfo(path: string): Promise<BundleInfo | string>
  /** Writes a bundle to the other slot and puts that on trial; null when it is done, a sentence otherwise. */
  installBundle(path: string, onProgress: (percent: number, step: string) => void): Promise<string | null>
  /** The current application begins anew, from what it makes of gateway.yaml. */
  restartGateway(): Promise<void>
  watchTrial(): Promise<void>
  reboot(): Promise<void>
  /** Does a program start at all? null, or why not. */
  startsUp(folder: string, version: string): Promise<string | null>
}

export function machineAt(places: Places): Machine {
  const systemctl = (...args: string[]): Promise<void> => run('systemctl', args, BOOT_SLOT_MS_MAX).then(() => {})
  return {
    bootSlot: (...order) => run(places.bootSlot, order, BOOT_SLOT_MS_MAX).then(() => {}),
    cardFile: (order, path) => run(places.cardFile, [order, path], BOOT_SLOT_MS_MAX).then(() => {}),
    hasSystem: (slot) => Promise.resolve(isWritten(`${places.slots}/root-${slot.toLowerCase()}`)),
    async bundleInfo(path) {
      try {
        return infoOf(await run('rauc', ['info', '--output-format=json', path], INFO_MS_MAX))
      } catch (error) {
        return lastLine((error as Error).message)
      }
    },
    installBundle: install,
    restartGateway: () => systemctl('restart', '--no-block', ...SERVICES), // whether they start is the trial's question
    watchTrial: () => systemctl('restart', '--no-block', 'sandpiper-mark-good.service'),
    reboot: () => systemctl('reboot', '--no-block'),
    async startsUp(folder, version) {
      try {
        const said = await run(`${places.program}/node`, [...NODE_FLAGS, `${folder}/sandpiper.mjs`, '--version'], INFO_MS_MAX, { NODE_COMPILE_CACHE: `${folder}/cache` })
        shareCache(`${folder}/cache`, places.state)
        return said.includes(version) ? null : `it says that it is another version: ${lastLine(said)}`
      } catch (error) {
        return `it does not start: ${lastLine((error as Error).message)}`
      }
    },
  }
}

/** Every file system that a root can have has its marks in the first bytes. */
function isWritten(device: string): boolean {
  return disk.read(device, 4096)?.some((byte) => byte !== 0) ?? false
}

/** RAUC has many words; two of them count here. */
function infoOf(json: string): BundleInfo | string {
  try {
    const { compatible, version } = JSON.parse(json) as Record<string, unknown>
    if (typeof compatible === 'string' && isVersion(version)) return { compatible, version }
  } catch {
    // said below
  }
  return 'the bundle does not say what it is'
}

/** Node keeps what it has compiled by user: this was root's, and the gateway's user reads the same. As the package does it. */
function shareCache(folder: string, gatewayState: string): void {
  const { uid } = statSync(gatewayState, { throwIfNoEntry: false }) ?? { uid: 0 }
  for (const made of disk.names(folder)) if (made.endsWith('-0') && uid !== 0) disk.link(join(folder, `${made.slice(0, -2)}-${uid}`), made)
}

function install(path: string, onProgress: (percent: number, step: string) => void): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn('rauc', ['install', path], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    let error: string | null = null
    const hear = (line: string): void => {
      const [, percent, step] = /^\s*(\d{1,3})%\s*(.*)$/.exec(line) ?? []
      if (percent !== undefined) return onProgress(Number(percent), step!)
      said = line.trim() || said
      error ??= /^LastError: (.+)/.exec(line)?.[1] ?? null
    }
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', hear)
    child.on('error', ({ message }) => resolve(`rauc cannot be started (${message})`))
    child.on('close', (code) => resolve(code === 0 ? null : (error ?? (said || `rauc ended with ${code}`))))
  })
}

function run(program: string, args: readonly string[], timeout: number, env: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout, maxBuffer: OUTPUT_BYTES_MAX, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(stderr.trim() || error.message))
    })
  })
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!.slice(0, 300)
}
