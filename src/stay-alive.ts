// A command that waits for timers of the clock, which do not keep the process: an open port does.
import { MessageChannel } from 'node:worker_threads'

/** The process stays until `work` has ended. */
export async function stayingAlive<T>(work: () => Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel()
  port1.ref()
  try {
    return await work()
  } finally {
    port1.close()
  }
}
