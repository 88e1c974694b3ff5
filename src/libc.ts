// The edge to the C library, for what Node has no call for: ioctl of devices, the kernel's word on its clock, descriptors handed to systemd.
// Rules:
// - The only importer of node:ffi, which comes with the first call: a gateway that needs none of this never loads it.
// - Calls are short and synchronous: nothing here may wait, so descriptors that could block are set non-blocking first.
// - A call that fails throws a LibcError with the code that Node's own errors have (EBUSY, ENODEV …).
// - Layouts are those of 64-bit Linux with the generic ABI (arm64, x86-64), which are the machines that Node's releases for it run on.
import type * as Ffi from 'node:ffi'
import { getSystemErrorMap } from 'node:util'

export class LibcError extends Error {
  override readonly name = 'LibcError'
  readonly code: string
  readonly errno: number

  constructor(call: string, errno: number) {
    const [code, message] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error']
    super(`${code}: ${message}, ${call}`)
    this.code = code
    this.errno = errno
  }
}

const DEFINITIONS = {
  ioctl: { arguments: ['i32', 'u64', 'pointer'], return: 'i32' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  adjtimex: { arguments: ['pointer'], return: 'i32' },
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  sendmsg: { arguments: ['i32', 'pointer', 'i32'], return: 'i64' },
  close: { arguments: ['i32'], return: 'i32' },
  flock: { arguments: ['i32', 'i32'], return: 'i32' },
  __errno_location: { arguments: [], return: 'pointer' },
} as const

interface Loaded {
  readonly ffi: typeof Ffi
  readonly call: ReturnType<typeof Ffi.dlopen<typeof DEFINITIONS>>['functions']
  /** This thread's errno, where the C library keeps it. */
  readonly errno: Buffer
}

let loaded: Loaded | null = null

function load(): Loaded {
  if (loaded !== null) return loaded
  const ffi = process.getBuiltinModule('node:ffi') as typeof Ffi | undefined
  if (ffi === undefined) throw new Error(`Node ${process.version} has no node:ffi, by which the kernel's devices are reached: use the Node that comes with Sandpiper`)
  const { functions } = ffi.dlopen(null, DEFINITIONS)
  loaded = { ffi, call: functions, errno: ffi.toBuffer(functions.__errno_location(), 4, false) }
  return loaded
}

function checked(call: string, result: number, errno: Buffer): number {
  if (result < 0) throw new LibcError(call, errno.readInt32LE(0))
  return result
}

/** ioctl(2) with a structure, which the kernel reads and writes in place. Answers what the call returns. */
export function ioctl(fd: number, request: bigint, argument: Buffer): number {
  const { call, errno } = load()
  return checked('ioctl', call.ioctl(fd, request, argument), errno)
}

const F_SETFD = 2
const FD_CLOEXEC = 1
const F_GETFL = 3
const F_SETFL = 4
const O_NONBLOCK = 0o4000

/** A read of it that would wait throws EAGAIN from now on. */
export function setNonBlocking(fd: number): void {
  const { call, errno } = load()
  const flags = checked('fcntl', call.fcntl(fd, F_GETFL, 0), errno)
  checked('fcntl', call.fcntl(fd, F_SETFL, flags | O_NONBLOCK), errno)
}

/** Whether programs that we start do not get it; Node has it so for all that it opens or is given. */
export function setCloseOnExec(fd: number, isSo: boolean): void {
  const { call, errno } = load()
  checked('fcntl', call.fcntl(fd, F_SETFD, isSo ? FD_CLOEXEC : 0), errno)
}

const LOCK_EX = 2
const LOCK_NB = 4

/** Takes the lock of an open file (flock(2)), which goes when it is closed; false when somebody else has it. */
export function tryLock(fd: number): boolean {
  const { call, errno } = load()
  try {
    checked('flock', call.flock(fd, LOCK_EX | LOCK_NB), errno)
    return true
  } catch (error) {
    if ((error as LibcError).code === 'EAGAIN') return false
    throw error
  }
}

const TIMEX_BYTES = 208
const TIMEX_STATUS_AT = 40
const STA_UNSYNC = 0x40
const TIME_ERROR = 5

/** Whether somebody (chrony, ntpd, systemd-timesyncd) keeps the system's clock on time, as adjtimex(2) tells it. Costs a microsecond. */
export function clockIsSynchronised(): boolean {
  const { call, errno } = load()
  const timex = Buffer.alloc(TIMEX_BYTES) // modes 0: only asks
  const state = checked('adjtimex', call.adjtimex(timex), errno)
  return state !== TIME_ERROR && (timex.readInt32LE(TIMEX_STATUS_AT) & STA_UNSYNC) === 0
}

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_NOSIGNAL = 0x4000
const MSG_DONTWAIT = 0x40
const SUN_PATH_BYTES_MAX = 108

/**
 * Sends one datagram to a Unix socket, and with it descriptors (unix(7), SCM_RIGHTS). `path` may be abstract: `@name`. Throws when nobody
 * takes it at once.
 */
export function sendDatagram(path: string, text: string | Uint8Array, descriptors: readonly number[] = []): void {
  const { ffi, call, errno } = load()
  const name = Buffer.from(path, 'utf8')
  if (name.length === 0 || name.length >= SUN_PATH_BYTES_MAX) throw new Error(`no socket can have the name ${JSON.stringify(path)}`)
  if (name[0] === 0x40) name[0] = 0
  const address = Buffer.alloc(2 + SUN_PATH_BYTES_MAX)
  address.writeUInt16LE(AF_UNIX, 0)
  name.copy(address, 2)
  const data = typeof text === 'string' ? Buffer.from(text, 'utf8') : text
  // struct iovec, struct cmsghdr, struct msghdr. They must stay where they are until the call has returned: the frame below holds them.
  const vector = Buffer.alloc(16)
  vector.writeBigUInt64LE(ffi.getRawPointer(data), 0)
  vector.writeBigUInt64LE(BigInt(data.length), 8)
  const control = controlOf(descriptors)
  const header = Buffer.alloc(56)
  header.writeBigUInt64LE(ffi.getRawPointer(address), 0)
  header.writeUInt32LE(2 + name.length, 8)
  header.writeBigUInt64LE(ffi.getRawPointer(vector), 16)
  header.writeBigUInt64LE(1n, 24)
  if (control.length > 0) header.writeBigUInt64LE(ffi.getRawPointer(control), 32)
  header.writeBigUInt64LE(BigInt(control.length), 40)
  const fd = checked('socket', call.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), errno)
  try {
    checked('sendmsg', Number(call.sendmsg(fd, header, MSG_NOSIGNAL | MSG_DONTWAIT)), errno)
  } finally {
    call.close(fd)
  }
}

function controlOf(descriptors: readonly number[]): Buffer {
  if (descriptors.length === 0) return Buffer.alloc(0)
  const bytes = 16 + 4 * descriptors.length
  const control = Buffer.alloc(Math.ceil(bytes / 8) * 8)
  control.writeBigUInt64LE(BigInt(bytes), 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  descriptors.forEach((fd, i) => control.writeInt32LE(fd, 16 + 4 * i))
  return control
}
