// Descriptors that systemd keeps while we are away (sd_notify(3), FDSTORE; FileDescriptorStoreMax= in the unit): a GPIO output held by one stays
// as it is over a restart or a kill.
// Rules:
// - What we got at the start is ours once: who takes a descriptor closes it. systemd keeps its own copy until it is told to let go, or until the
//   descriptor reports an error.
// - Only names of ours (PREFIX) are touched: sockets that systemd opened for us are somebody else's.
// - A message that does not arrive costs the keeping, not the output.
import { closeSync } from 'node:fs'
import { sendDatagram, setCloseOnExec } from '../libc.ts'

const PREFIX = 'gpio-'
/** sd_listen_fds(3): the first one. */
const FIRST_DESCRIPTOR = 3

export interface StoreLog {
  warn(fields: object, text: string): void
}

export class SystemdStore {
  readonly #socket: string
  readonly #log: StoreLog
  readonly #kept = new Map<string, number>()
  #complained = false

  private constructor(socket: string, env: NodeJS.ProcessEnv, log: StoreLog) {
    this.#socket = socket
    this.#log = log
    for (const [name, fd] of received(env)) {
      setCloseOnExec(fd, true)
      this.#kept.set(name, fd)
    }
  }

  /** null when we were not started by systemd, or not to notify it. */
  static of(env: NodeJS.ProcessEnv, log: StoreLog): SystemdStore | null {
    const socket = env.NOTIFY_SOCKET ?? ''
    return socket === '' ? null : new SystemdStore(socket, env, log)
  }

  /** The descriptor that was kept under this name; its caller owns it then. */
  take(name: string): number | null {
    const fd = this.#kept.get(PREFIX + name) ?? null
    this.#kept.delete(PREFIX + name)
    return fd
  }

  /** In place of what has been kept under this name. */
  keep(name: string, fd: number): void {
    this.#send(`FDSTOREREMOVE=1\nFDNAME=${PREFIX}${name}`)
    this.#send(`FDSTORE=1\nFDNAME=${PREFIX}${name}`, [fd])
  }

  /** Lets go of all that nobody has taken. */
  forgetUntaken(): void {
    for (const [name, fd] of this.#kept) {
      closeSync(fd)
      this.#send(`FDSTOREREMOVE=1\nFDNAME=${name}`)
    }
    this.#kept.clear()
  }

  #send(text: string, descriptors: readonly number[] = []): void {
    try {
      sendDatagram(this.#socket, text, descriptors)
    } catch (error) {
      if (this.#complained) return
      this.#complained = true
      this.#log.warn({ error: String(error) }, 'systemd does not take descriptors: outputs may change when Sandpiper restarts')
    }
  }
}

/** For a process that is about to replace its program: what was received is there for the next one too. */
export function passOn(env: NodeJS.ProcessEnv): void {
  for (const [, fd] of received(env)) setCloseOnExec(fd, false)
}

function received(env: NodeJS.ProcessEnv): (readonly [name: string, fd: number])[] {
  if (Number(env.LISTEN_PID) !== process.pid) return []
  const names = (env.LISTEN_FDNAMES ?? '').split(':').slice(0, Number(env.LISTEN_FDS ?? 0))
  return names.map((name, i) => [name, FIRST_DESCRIPTOR + i] as const).filter(([name]) => name.startsWith(PREFIX))
}
