// The edge to epoll(7), and the only importer of the epoll package: tells when a descriptor has something to read.
// Rules:
// - A watch tells once and is then quiet until it is armed again: who is told reads everything, and decides when it wants to hear more.
// - The callback comes from native code, where an exception ends the process: it must not throw.
// - A descriptor is let go of before it is closed. Watches do not keep the process alive longer than their descriptors.
import type { Epoll as EpollType } from 'epoll'
import { LineError } from './lines.ts'

export interface Watch {
  /** Tells again, at once when something waits already. */
  arm(): void
  /** Nothing is told after it. May be called again. */
  close(): void
}

export type WatchDescriptor = (fd: number, ready: () => void) => Watch

/** Loads the native part; after that watching costs no promise. */
export async function loadReadiness(): Promise<WatchDescriptor> {
  const { Epoll } = (await import('epoll').catch(sayWhatIsMissing)).default
  return (fd, ready) => watch(Epoll, fd, ready)
}

/** The package says where it has looked, which helps nobody. onoff stands on it too. */
export function sayWhatIsMissing(error: unknown): never {
  throw new LineError('GPIO needs the native part of epoll, which was not compiled here: as root apt-get install g++, then scripts/setup run', { cause: error })
}

function watch(Epoll: typeof EpollType, fd: number, ready: () => void): Watch {
  const events = Epoll.EPOLLIN | Epoll.EPOLLONESHOT
  let isOpen = true
  const poller = new Epoll(() => {
    if (isOpen) ready()
  })
  poller.add(fd, events)
  return {
    arm() {
      if (isOpen) poller.modify(fd, events)
    },
    close() {
      if (!isOpen) return
      isOpen = false
      poller.remove(fd)
    },
  }
}
