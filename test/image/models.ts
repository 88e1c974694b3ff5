// The machines that an image is started on. Those of QEMU start it by the same firmware and boot loaders as hardware does, with one exception: the
// Raspberry Pi's own first stage (start.elf) runs on its graphics processor, which QEMU has not: there U-Boot is put in its place.
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Card } from './card.ts'
import { USER_MODE_PACKAGES, userMode, userModeDevices } from './user-mode.ts'

/**
 * `pc`: amd64 with UEFI. `virt`: arm64 with UEFI. `raspi3b`: a Raspberry Pi 3B, from U-Boot on; QEMU's has no network. `user-mode`: amd64 without an
 * emulator, the user space alone (user-mode.ts).
 */
export type Model = 'pc' | 'virt' | 'raspi3b' | 'user-mode'

export type Architecture = 'amd64' | 'arm64'

export const ARCHITECTURE: Readonly<Record<Model, Architecture>> = { pc: 'amd64', virt: 'arm64', raspi3b: 'arm64', 'user-mode': 'amd64' }

export interface Wiring {
  readonly model: Model
  /** The disk: a raw file; and in QEMU's words, which may name something else. */
  readonly disk: string
  readonly drive: string
  readonly card: Card
  /** For files of this start. */
  readonly folder: string
  /** Ports of this machine that lead to its own, in QEMU's words. */
  readonly forward: readonly string[]
  /** Two free UDP ports. */
  readonly line: readonly [number, number]
  readonly memoryMib: number
  readonly processors: number
}

/** Programs that have to run beside the machine's, and the sockets by which one sees that they do. */
export interface Devices {
  readonly programs: readonly (readonly [string, ...string[]])[]
  readonly sockets: readonly string[]
}

interface Firmware {
  readonly program: string
  readonly code: string
  readonly variables: string
  readonly machine: readonly string[]
  /** Debian packages with the program and the firmware. */
  readonly packages: readonly [string, string]
}

const UEFI: Readonly<Record<Architecture, Firmware>> = {
  amd64: {
    program: 'qemu-system-x86_64',
    code: '/usr/share/OVMF/OVMF_CODE_4M.fd',
    variables: '/usr/share/OVMF/OVMF_VARS_4M.fd',
    machine: ['-M', 'q35', '-cpu', 'max'],
    packages: ['qemu-system-x86', 'ovmf'],
  },
  arm64: {
    program: 'qemu-system-aarch64',
    code: '/usr/share/AAVMF/AAVMF_CODE.fd',
    variables: '/usr/share/AAVMF/AAVMF_VARS.fd',
    // pauth-impdef: the architecture's own pointer authentication takes half of an emulated processor
    machine: ['-M', 'virt,gic-version=3', '-cpu', 'max,pauth-impdef=on'],
    packages: ['qemu-system-arm', 'qemu-efi-aarch64'],
  },
}

/** Debian packages that are missing here for this machine. */
export function missingFor(model: Model): string[] {
  const { program, code, packages } = UEFI[ARCHITECTURE[model]]
  const emulator = [
    [`/usr/bin/${program}`, packages[0]],
    [code, packages[1]],
  ] as const
  const wanted = [...(model === 'user-mode' ? USER_MODE_PACKAGES : emulator), ['/usr/bin/mcopy', 'mtools'], ['/usr/bin/ssh', 'openssh-client']] as const
  return wanted.filter(([file]) => !existsSync(file)).map(([, debianPackage]) => debianPackage)
}

/** Program and arguments. Emulation always: a /dev/kvm that opens does not mean that it can start a kernel. */
export async function commandLine(wiring: Wiring): Promise<[string, ...string[]]> {
  if (wiring.model === 'user-mode') return userMode(wiring)
  return wiring.model === 'raspi3b' ? raspberryPi(wiring) : uefi(UEFI[ARCHITECTURE[wiring.model]], wiring)
}

export function devicesFor(wiring: Wiring): Devices {
  return wiring.model === 'user-mode' ? userModeDevices(wiring) : { programs: [], sockets: [] }
}

function uefi({ program, code, variables, machine }: Firmware, { drive, folder, forward, memoryMib, processors }: Wiring): [string, ...string[]] {
  const ownVariables = join(folder, 'firmware-variables')
  copyFileSync(variables, ownVariables)
  const args = [
    [...machine, '-accel', 'tcg', '-smp', `${processors}`, '-m', `${memoryMib}`, '-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio'],
    ['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${code}`, '-drive', `if=pflash,format=raw,unit=1,file=${ownVariables}`],
    ['-blockdev', `${drive},node-name=card`, '-device', 'virtio-blk-pci,drive=card,bootindex=1'],
    ['-netdev', ['user,id=wan', ...forward].join(','), '-device', 'virtio-net-pci,netdev=wan,romfile='],
    ['-device', 'virtio-rng-pci'],
  ]
  return [program, ...args.flat()]
}

function raspberryPi({ drive, card, folder }: Wiring): [string, ...string[]] {
  // What start.elf does on hardware: it loads these two from the card and starts the first with the second.
  const [loader, tree] = [join(folder, 'u-boot.bin'), join(folder, 'board.dtb')]
  writeFileSync(loader, card.readBytes('u-boot.bin'))
  writeFileSync(tree, card.readBytes('bcm2837-rpi-3-b.dtb'))
  const args = [
    ['-M', 'raspi3b', '-accel', 'tcg,thread=multi', '-display', 'none', '-monitor', 'none'],
    // The console is the second line.
    ['-serial', 'null', '-serial', 'stdio', '-kernel', loader, '-dtb', tree],
    ['-drive', `if=sd,file.${drive.replaceAll(',', ',file.')},format=raw`],
  ]
  return ['qemu-system-aarch64', ...args.flat()]
}
