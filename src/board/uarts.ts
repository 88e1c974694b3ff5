// Serial ports that are there: those of the board and adapters, under all their names, and who holds them.
import { holdersOf } from '../serial-nodes.ts'
import { linkName, namesIn, readNumber, readText, realPath } from './sysfs.ts'

export interface FoundPort {
  /** /dev/ttyAMA0 */
  readonly device: string
  /** Links to it, in the order in which they should be preferred: by-id, by-path, others such as /dev/serial0. */
  readonly names: readonly string[]
  /** Of the kernel: uart-pl011, ftdi_sio; null where it tells none. */
  readonly driver: string | null
  /** What the kernel's command line makes a console. */
  readonly isConsole: boolean
  /** Programs that have it open, as far as this user may see. */
  readonly holders: readonly string[]
}

/** `root` stands before /dev, /sys and /proc. Never rejects. */
export async function findPorts(root: string): Promise<readonly FoundPort[]> {
  const links = [...linksIn(root, '/dev/serial/by-id', /./), ...linksIn(root, '/dev/serial/by-path', /./), ...linksIn(root, '/dev', /^serial\d+$/)]
  const consoles = consolesOf(root)
  const ports: FoundPort[] = []
  for (const name of namesIn(`${root}/sys/class/tty`, /^tty[A-Z]/)) {
    const device = `/dev/${name}`
    const node = realPath(root + device)
    if (node === null || !isHardware(`${root}/sys/class/tty/${name}`)) continue
    ports.push({
      device,
      names: links.filter((link) => link.node === node).map((link) => link.path),
      driver: linkName(`${root}/sys/class/tty/${name}/device/driver`),
      isConsole: consoles.has(name),
      // One after the other: each looks through all processes.
      holders: (await holdersOf(device, root)).filter((holder) => !holder.startsWith('the kernel')),
    })
  }
  return ports
}

/** The 8250 driver reserves numbers for UARTs that are not there: type 0. */
function isHardware(folder: string): boolean {
  if (realPath(`${folder}/device`) === null) return false
  return readNumber(`${folder}/type`) !== 0
}

function consolesOf(root: string): ReadonlySet<string> {
  const active = (readText(`${root}/proc/consoles`) ?? '').split('\n').map((line) => line.split(/\s/)[0]!)
  const asked = [...(readText(`${root}/proc/cmdline`) ?? '').matchAll(/(?:^|\s)console=([A-Za-z0-9]+)/g)].map((match) => match[1]!)
  // `console=serial0` is a link's name.
  return new Set([...active, ...asked, ...asked.map((name) => realPath(`${root}/dev/${name}`)?.split('/').at(-1) ?? name)])
}

function linksIn(root: string, folder: string, pattern: RegExp): { readonly path: string; readonly node: string }[] {
  return namesIn(root + folder, pattern).flatMap((name) => {
    const node = realPath(`${root}${folder}/${name}`)
    return node === null ? [] : [{ path: `${folder}/${name}`, node }]
  })
}
