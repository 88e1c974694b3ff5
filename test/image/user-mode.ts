// An image's user space on a Linux kernel that runs as a program (User-mode Linux), several times as fast as on an emulated processor. What is not the
// image's own: firmware, GRUB, the kernel, its drivers, and the one line of the initrd that loads them; there is no network but loopback.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Wiring } from './models.ts'

const KERNEL = '/usr/bin/linux.uml'
const MODULES = '/usr/lib/uml/modules'
/** What the image's kernel has built in or its initrd loads, and Debian's user-mode kernel has as modules. */
const WANTED = ['squashfs', 'fat', 'vfat', 'nls_ascii', 'nls_cp437', 'nls_utf8', 'nls_iso8859-1', 'loop', 'overlay', 'tun', 'crc-ccitt', 'ipv6'] as const
const CARD = { offset: 257 * 2 ** 20, identifier: '53414e44' } as const

export const USER_MODE_PACKAGES = [
  [KERNEL, 'user-mode-linux'],
  ['/usr/bin/unsquashfs', 'squashfs-tools'],
  ['/usr/bin/cpio', 'cpio'],
  ['/usr/bin/zstd', 'zstd'],
  ['/usr/sbin/depmod', 'kmod'],
] as const

/** Program and arguments. The console is standard output; the watchdog is off, because its helper program is not in the package. */
export function userMode({ disk, folder, memoryMib }: Wiring): [string, ...string[]] {
  const initrd = join(folder, 'user-mode-initrd')
  if (!existsSync(initrd)) makeInitrd(disk, folder, initrd)
  const machine = [`mem=${memoryMib}M`, `ubd0=${disk}`, `initrd=${initrd}`, `uml_dir=${folder}`, 'con0=null,fd:1', 'con=none', 'ssl=none']
  const words = [`root=PARTUUID=${CARD.identifier}-02`, 'sandpiper.slot=A', 'rauc.slot=A', 'ro', 'console=tty0', 'panic=10', 'fsck.repair=yes', 'systemd.ssh_auto=no', 'systemd.watchdog_sec=0']
  return [KERNEL, ...machine, ...words]
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
  // The root has no modules of this kernel: all that are needed are loaded before it is mounted.
  const init = join(tree, 'init')
  const text = readFileSync(init, 'utf8')
  const line = 'modprobe -q squashfs\n'
  if (!text.includes(line)) throw new Error(`image/initrd/init has no line "${line.trim()}" any more`)
  writeFileSync(init, text.replace(line, `modprobe -a ${WANTED.join(' ')}\n`))
  shell('cd "$1"; find . | cpio -o -H newc --quiet | gzip -1 > "$2"', tree, initrd)
  for (const done of [slot, tree]) rmSync(done, { recursive: true })
}
