// Gathers the facts from where they are: files of this machine, NetworkManager, the broker itself. What cannot be had is left out, never thrown.
import { createHash } from 'node:crypto'
import { accessSync, constants, statfsSync } from 'node:fs'
import { hostname, networkInterfaces, uptime } from 'node:os'
import { join } from 'node:path'
import { type ApplyResult, applyResult } from '../appliance/apply.ts'
import { AVAHI_CONF } from '../appliance/avahi.ts'
import { type Machine, systemMachine } from '../appliance/machine.ts'
import { bootOffsetMs, type Clock } from '../clock.ts'
import type { Status } from '../ops/status.ts'
import { askBroker } from './answers.ts'
import type { CardFacts, DataPartition, NetworkDevice } from './facts.ts'
import { folderFiles } from './files.ts'
import { Led } from './led.ts'

const CONFIG_FILE = 'gateway.yaml'
const STATUS_FILE = '/run/sandpiper/status.json'
const TRIAL_FILE = '/data/update/trial.json'
const DATA_FOLDER = '/data'
const SSH_KEY_FILE = '/data/ssh/ssh_host_ed25519_key.pub'
/** A gateway writes once a minute at the least. */
const STATUS_AGE_MS_MAX = 180_000
/** The gateway's unit requires it: what cannot be kept must not be acknowledged. */
const NO_DATA = 'it is not there, and so the gateway does not run: it could keep nothing'
/** Below this share of the data partition new messages are soon refused. */
const FREE_MIN = 0.02

export interface Where {
  readonly card: string
  readonly state: string
  /** Where /run, /proc, /sys and /data are; '' for this machine. */
  readonly root: string
}

export async function gatherFacts({ card, state, root }: Where, clock: Clock, version: string): Promise<CardFacts> {
  const machine = systemMachine(root)
  const status = statusOf(machine, clock)
  const cmdline = machine.read('/proc/cmdline') ?? ''
  return {
    wallMs: clock.wall(),
    isTimeSynced: status?.time.isSynced ?? false,
    uptimeSec: uptime(),
    version,
    slot: /(?:^| )sandpiper\.slot=(\S+)/.exec(cmdline)?.[1] ?? null,
    imageVersion: /^IMAGE_VERSION="?([^"\n]*)"?$/m.exec(machine.read('/usr/lib/os-release') ?? '')?.[1] ?? null,
    isTrial: machine.read(TRIAL_FILE) !== null,
    hostname: `${machine.read('/run/sandpiper-apply/hostname')?.trim() ?? hostname()}${machine.read(AVAHI_CONF) === null ? '' : '.local'}`,
    devices: await networkDevices(machine),
    applied: applied(machine),
    text: folderFiles(card).read(CONFIG_FILE)?.toString('utf8') ?? null,
    status,
    answer: status === null ? null : await askBroker(status.broker, clock),
    data: dataPartition(join(root, DATA_FOLDER), state, machine),
    sshFingerprint: fingerprint(machine.read(SSH_KEY_FILE)),
    hasLed: new Led(root).isThere,
  }
}

/** null when the gateway does not run, or has not said anything for too long. */
function statusOf(machine: Machine, clock: Clock): Status | null {
  const status = parse<Status>(machine.read(STATUS_FILE) ?? '')
  return status === null || clock.now() + bootOffsetMs - status.uptimeMs > STATUS_AGE_MS_MAX ? null : status
}

function applied(machine: Machine): ApplyResult | null {
  try {
    return applyResult(machine)
  } catch {
    return null // cut off: the next one is whole
  }
}

function parse<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T
  } catch {
    return null
  }
}

/** Cables, radios and modems, with what NetworkManager knows of them, where it runs. */
async function networkDevices(machine: Machine): Promise<NetworkDevice[]> {
  const addresses = new Map(Object.entries(networkInterfaces()).map(([name, all]) => [name, (all ?? []).filter((a) => !a.internal).map((a) => a.address)]))
  const { ok, output } = await machine.run('nmcli', ['-t', '-f', 'DEVICE,TYPE,STATE,CONNECTION', 'device', 'status'])
  const known = ok ? output.split('\n').flatMap(deviceOf) : []
  const devices = known.filter(({ type, state }) => !['loopback', 'wifi-p2p'].includes(type) && state !== 'unmanaged').map((device) => ({ ...device, addresses: shown(addresses.get(device.device) ?? []) }))
  const others = [...addresses].filter(([name, all]) => all.length > 0 && !devices.some(({ device }) => device === name))
  return [...devices, ...others.map(([device, all]) => ({ device, type: 'interface', state: 'up', connection: null, addresses: shown(all) }))]
}

/** A line of `nmcli -t`: fields behind colons, a colon in one behind a backslash. */
function deviceOf(line: string): Omit<NetworkDevice, 'addresses'>[] {
  const [device, type, state, connection] = line.split(/(?<!\\):/).map((field) => field.replaceAll(/\\(.)/g, '$1'))
  if (device === undefined || type === undefined || state === undefined) return []
  return [{ device, type, state, connection: connection === undefined || connection === '' ? null : connection }]
}

/** Addresses that people type; one that holds on the cable only, where there is no other. */
function shown(all: readonly string[]): readonly string[] {
  const wide = all.filter((address) => !address.startsWith('fe80:'))
  return wide.length > 0 ? wide : all
}

function dataPartition(folder: string, state: string, machine: Machine): DataPartition {
  try {
    const { bsize, bavail, blocks } = statfsSync(folder)
    const [freeBytes, totalBytes] = [bavail * bsize, blocks * bsize]
    const isWritable = may(state, constants.W_OK)
    const mount = (machine.read('/proc/self/mountinfo') ?? '').split('\n').map((line) => line.split(' ')).findLast((fields) => fields[4] === folder)
    // The file system's own options: the mount's are those of this unit, which may write elsewhere only.
    const isReadOnly = mount !== undefined && mount.at(-1)!.split(',').includes('ro')
    const trouble =
      mount === undefined ? NO_DATA : isReadOnly || !isWritable ? 'it is read-only, its file system is damaged: nothing is kept' : freeBytes < totalBytes * FREE_MIN ? 'it is full' : null
    return { freeBytes, totalBytes, trouble }
  } catch {
    return { freeBytes: 0, totalBytes: 0, trouble: NO_DATA }
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

/** As `ssh-keygen -l` shows it and ssh asks about it. */
function fingerprint(publicKey: string | null): string | null {
  const blob = publicKey?.split(' ')[1]
  if (blob === undefined) return null
  return `SHA256:${createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64').replaceAll('=', '')}`
}
