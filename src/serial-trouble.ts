// What an error of a serial port means for the person beside it. Pure: the driver's text in, a sentence that says what to do
// out. The driver gives no codes, only strerror's words in its message ("Error: Permission denied, cannot open /dev/ttyUSB0").

/**
 * `byId`: paths of what is plugged in, for the path that is not there. `key`: where the path stands in the configuration. `holders`: who
 * has the port, as far as the system tells.
 */
export function explainPortError(message: string, path: string, byId: readonly string[], key = 'serial.path', holders: readonly string[] = []): string {
  const owner = /^Owned as (.*)$/.exec(message)?.[1]
  if (owner !== undefined) return ownedTwice(path, owner, key)
  // The driver repeats the path, and a device may be named "usb-EIO_Works".
  const words = message.replaceAll(path, '')
  const known = TROUBLES.find((trouble) => trouble.says.test(words))
  return known === undefined ? `${path}: ${message}` : known.sentence(path, key, byId, holders)
}

/** Whether it is worth looking for who holds the port. */
export function saysHeld(message: string): boolean {
  return HELD.test(message)
}

/** Who has an open port beside us; null for nobody. */
export function explainHolders(path: string, holders: readonly string[]): string | null {
  return holders.length === 0 ? null : `${holders.join(' and ')} ${holders.length === 1 ? 'has' : 'have'} ${path} open too and may take bytes away: ${letGo(path)}`
}

/** Devices that share a by-id name; null when they do not. */
export function explainTwins(path: string, twins: readonly string[]): string | null {
  if (twins.length === 0) return null
  return `${twins.length} devices have the name ${path} (an adapter without a serial number): name the one you mean by its plug, ${twins.join(' or ')}`
}

function ownedTwice(path: string, owner: string, key: string): string {
  if (owner === path) return `another part of this gateway has ${path} open: correct ${key}, or give the port to one of them`
  return `${path} and ${owner} are the same device, and another part of this gateway has it open as ${owner}: correct ${key}, or give the port to one of them`
}

function letGo(path: string): string {
  return `usual are ModemManager (set ID_MM_DEVICE_IGNORE=1 for the device by a udev rule) and a getty (sudo systemctl disable --now serial-getty@${path.slice(path.lastIndexOf('/') + 1)})`
}

interface Trouble {
  readonly says: RegExp
  sentence(path: string, key: string, byId: readonly string[], holders: readonly string[]): string
}

const HELD = /Cannot lock port|resource busy|\bEBUSY\b/

const TROUBLES: readonly Trouble[] = [
  {
    says: /No such file or directory|\bENOENT\b/,
    sentence: (path, key, byId) => `no such file ${path}: plug the device in, or correct ${key}; ${pluggedIn(byId)}`,
  },
  {
    says: /Permission denied|\bEACCES\b|Operation not permitted|\bEPERM\b/,
    sentence: (path) =>
      `permission denied on ${path}: add the gateway's user to the group of the device (sudo usermod -aG dialout USER; \`ls -l ${path}\` shows the group) and start the gateway again`,
  },
  {
    says: HELD,
    sentence: (path, _key, _byId, holders) =>
      holders.length === 0
        ? `another program holds ${path}: \`sudo fuser -v ${path}\` shows which one; ${letGo(path)}`
        : `${holders.join(' and ')} ${holders.length === 1 ? 'holds' : 'hold'} ${path}: end it, or keep it away; ${letGo(path)}`,
  },
  {
    says: /Inappropriate ioctl|\bENOTTY\b|Is a directory|\bEISDIR\b/,
    sentence: (path, key) => `${path} is not a serial port: correct ${key}`,
  },
  {
    says: /No such device|\bENODEV\b|\bENXIO\b|Input\/output error|\bEIO\b/,
    sentence: (path, key) =>
      `no device answers behind ${path}: it was unplugged, or this UART is not enabled on the board; check the plug and ${key}`,
  },
]

function pluggedIn(byId: readonly string[]): string {
  if (byId.length === 0) return 'no USB serial device is plugged in (nothing in /dev/serial/by-id)'
  return `plugged in are ${byId.join(', ')}`
}
