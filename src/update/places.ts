// Where things lie on an appliance. Everything of an update that has to survive is below `data` and `apps`, on the data partition.
import { join } from 'node:path'

export interface Places {
  /** What is remembered: job.json, trial.json, last.json, the download. */
  readonly data: string
  /** Installed applications (application.ts). */
  readonly apps: string
  /** The root's own program. */
  readonly program: string
  /** Certificates of those who may make updates. */
  readonly certificates: string
  /** The first partition, where people lay files. */
  readonly card: string
  /** GRUB's environment block. */
  readonly bootBlock: string
  readonly cmdline: string
  /** Of the gateway: status.json, and requests/ that it may write to. */
  readonly gateway: string
  /** The gateway's state folder: packages that came as messages. */
  readonly state: string
  /** Of the update service: status.json, and requests/ of root. */
  readonly runtime: string
  /** There on appliances only. */
  readonly raucConfig: string
  readonly bootSlot: string
  readonly cardFile: string
  /** Folder of the names that udev gives to the slots: root-a, root-b. */
  readonly slots: string
}

/** `root`: where the device's tree is, for tests. */
export function placesBelow(root = '/'): Places {
  const at = (path: string): string => join(root, path)
  return {
    data: at('/data/update'),
    apps: at('/data/app'),
    program: at('/usr/lib/sandpiper'),
    certificates: at('/etc/sandpiper/update.pem'),
    card: at('/boot/gateway'),
    bootBlock: at('/boot/gateway/grub/grubenv'),
    cmdline: at('/proc/cmdline'),
    gateway: at('/run/sandpiper'),
    state: at('/var/lib/sandpiper'),
    runtime: at('/run/sandpiper-update'),
    raucConfig: at('/etc/rauc/system.conf'),
    bootSlot: at('/usr/lib/sandpiper/boot-slot'),
    cardFile: at('/usr/lib/sandpiper/card-file'),
    slots: at('/dev/disk/by-sandpiper'),
  }
}
