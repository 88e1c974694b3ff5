// What an error of a serial port means for the person beside it. Pure: the driver's text in, a sentence that says what to do
// out. The driver gives no codes, only strerror's words in its message ("Error: Permission denied, cannot open /dev/ttyUSB0").

/** `byId`: names found in /dev/serial/by-id, for the path that is not there. `key`: where the path stands in the configuration. */
export function explainPortError(message: string, path: string, byId: readonly string[], key = 'serial.path'): string {
  // The driver repeats the path, and a device may be named "usb-EIO_Works".
  const words = message.replaceAll(path, '')
  const known = TROUBLES.find((trouble) => trouble.says.test(words))
  return known === undefined ? `${path}: ${message}` : known.sentence(path, key, byId)
}

interface Trouble {
  readonly says: RegExp
  sentence(path: string, key: string, byId: readonly string[]): string
}

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
    says: /Cannot lock port|resource busy|\bEBUSY\b/,
    sentence: (path) =>
      `another program holds ${path}: \`sudo fuser -v ${path}\` shows which one; usual are ModemManager (set ID_MM_DEVICE_IGNORE=1 for the device by a udev rule) and a getty (sudo systemctl disable --now serial-getty@${path.slice(path.lastIndexOf('/') + 1)})`,
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
  return `plugged in are ${byId.map((name) => `/dev/serial/by-id/${name}`).join(', ')}`
}
