// An image's user space on a Linux kernel that runs as a program (User-mode Linux), several times as fast as on an emulated processor. What is not the
// image's own: firmware, GRUB, the kernel, its drivers, and the line of the initrd that loads them.
//
//   linux.uml ─virtio-blk─► qemu-storage-daemon ─► the disk, in QEMU's words
//       └──────Ethernet in UDP (L2TPv3)──► qemu -M none: the same network, with DHCP and forwarded ports, as its emulated machines have
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Devices, Wiring } from './models.ts'

const KERNEL = '/usr/bin/linux.uml'
const STORAGE = '/usr/bin/qemu-storage-daemon'
const NETWORK = '/usr/bin/qemu-system-x86_64'
const MODULES = '/usr/lib/uml/modules'
/** What the image's kernel has built in or its initrd loads, and Debian's user-mode kernel has as modules. */
const WANTED = ['squashfs', 'virtio_blk', 'fat', 'vfat', 'nls_ascii', 'nls_cp437', 'nls_utf8', 'nls_iso8859-1', 'loop', 'overlay', 'tun', 'crc-ccitt', 'ipv6'] as const
const CARD = { offset: 257 * 2 ** 20, identifier: '53414e44' } as const

export const USER_MODE_PACKAGES = [
  [KERNEL, 'user-mode-linux'],
  [STORAGE, 'qemu-system-common'],
  [NETWORK, 'qemu-system-x86'],
  ['/usr/bin/unsquashfs', 'squashfs-tools'],
  ['/usr/bin/cpio', 'cpio'],
  ['/usr/bin/zstd', 'zstd'],
  ['/usr/sbin/depmod', 'kmod'],
] as const

const WRITE_BACK = "echo 'write back' > /sys/block/vda/cache_type"
/** Virtio's number of a disk. */
const BLOCK_DEVICE = 2
const LOOK_MS = 300
/** As QEMU's first network card has it: without one it would be another with each start. */
const MAC = '52:54:00:12:34:56'
/** L2TPv3's sessions of the two directions. */
const SESSION = { in: 1, out: 2 } as const

/** Program and arguments. The console is standard output; the watchdog is off, because its helper program is not in the package. */
export async function userMode({ disk, folder, line, memoryMib }: Wiring): Promise<[string, ...string[]]> {
  const initrd = join(folder, 'user-mode-initrd')
  if (!existsSync(initrd)) makeInitrd(disk, folder, initrd)
  const network = ['transport=l2tpv3', 'udp=1', 'src=127.0.0.1', 'dst=127.0.0.1', `srcport=${line[1]}`, `dstport=${line[0]}`, `rx_session=${SESSION.in}`, `tx_session=${SESSION.out}`]
  const devices = [`virtio_uml.device=${diskSocket(folder)}:${BLOCK_DEVICE}`, `vec0:${network.join(',')},mac=${MAC}`]
  const machine = [`mem=${memoryMib}M`, ...devices, `initrd=${initrd}`, `uml_dir=${folder}`, 'con0=null,fd:1', 'con=none', 'ssl=none']
  const words = [`root=PARTUUID=${CARD.identifier}-02`, 'sandpiper.slot=A', 'rauc.slot=A', 'ro', 'console=tty0', 'panic=10', 'fsck.repair=yes', 'systemd.ssh_auto=no', 'systemd.watchdog_sec=0']
  return ['taskset', '-c', `${await idlestProcessor()}`, KERNEL, ...machine, ...words]
}

/** The programs that its devices are, and the sockets that are there when it can be started. */
export function userModeDevices({ drive, folder, forward, line }: Wiring): Devices {
  const block = ['--blockdev', `${drive},node-name=card`, '--export', `vhost-user-blk,id=disk,addr.type=unix,addr.path=${diskSocket(folder)},node-name=card,writable=on`]
  const ends = [
    ['user,id=wan', ...forward],
    ['l2tpv3,id=line,src=127.0.0.1,dst=127.0.0.1,udp=on', `srcport=${line[0]}`, `dstport=${line[1]}`, `txsession=${SESSION.in}`, `rxsession=${SESSION.out}`],
    ['hubport,hubid=1,id=hub-wan,netdev=wan'],
    ['hubport,hubid=1,id=hub-line,netdev=line'],
  ]
  const network = ['-M', 'none', '-nodefaults', '-no-user-config', '-display', 'none', ...ends.flatMap((end) => ['-netdev', end.join(',')])]
  return {
    programs: [
      [STORAGE, ...block],
      [NETWORK, ...network],
    ],
    sockets: [diskSocket(folder)],
  }
}

/** Its kernel and its programs take turns, for each system call: on one processor that takes half of what it does from one to the other. */
async function idlestProcessor(): Promise<number> {
  const idleOf = (): number[] => cpus().map(({ times }) => times.idle)
  const before = idleOf()
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  const idle = idleOf().map((ms, n) => ms - before[n]!)
  return idle.indexOf(Math.max(...idle))
}

function diskSocket(folder: string): string {
  return join(folder, 'user-mode-disk.sock')
}

/** The initrd of slot A, with the modules of the other kernel in place of its own. */
function makeInitrd(disk: string, folder: string, initrd: string): void {
  const version = readdirSync(MODULES)[0]
  if (version === undefined) throw new Error(`no modules in ${MODULES}`)
  const [slot, tree] = [join(folder, 'slot'), join(folder, 'initrd')]
  const shell = (script: string, ...args: string[]): void => void execFileSync('sh', ['-ec', script, 'sh', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  execFileSync('unsquashfs', ['-q', '-n', '-o', `${CARD.offset}`, '-d', slot, disk, 'boot/initrd.img'], { stdio: ['ignore', 'ignore', 'pipe'] })
  mkdirSync(tree)
  shell('cd "$2"; zstd -dcq "$1" | cpio -idm --quiet', join(slot, 'boot/initrd.img'), tree)
  rmSync(join(tree, 'lib/modules'), { recursive: true })
  const from = join(MODULES, version)
  const to = join(tree, 'lib/modules', version)
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (WANTED.some((module) => name.endsWith(`/${module}.ko`)) || /^modules\.(order|builtin)/.test(name)) cpSync(join(from, name), join(to, name))
  }
  shell('PATH=$PATH:/usr/sbin:/sbin; depmod -b "$1" "$2"', tree, version)
  // The root has no modules of this kernel: all that are needed are loaded before it is mounted. The storage daemon's disk says that it has no cache
  // until it is told to have one; a kernel that thinks so never asks it to keep anything.
  const init = join(tree, 'init')
  const text = readFileSync(init, 'utf8')
  const line = 'modprobe -q squashfs\n'
  if (!text.includes(line)) throw new Error(`image/initrd/init has no line "${line.trim()}" any more`)
  writeFileSync(init, text.replace(line, `modprobe -a ${WANTED.join(' ')}\n${WRITE_BACK}\n`))
  shell('cd "$1"; find . | cpio -o -H newc --quiet | gzip -1 > "$2"', tree, initrd)
  for (const done of [slot, tree]) rmSync(done, { recursive: true })
}
