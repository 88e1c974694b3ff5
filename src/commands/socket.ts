// Where the gateway that runs here is asked.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadConfig } from '../config/load.ts'

export interface SocketWords {
  readonly socket?: string | undefined
  readonly config?: string | undefined
  readonly state?: string | undefined
}

/** Of the gateway that systemd runs, or of the one that a configuration makes. */
export function socketOf(words: SocketWords): string {
  if (words.socket !== undefined) return resolve(words.socket)
  if (words.config === undefined) return existsSync(SERVICE_SOCKET) ? SERVICE_SOCKET : resolve('data/api.sock')
  const result = loadConfig(words.config, { secrets: 'skip', ...(words.state === undefined ? {} : { state: resolve(words.state) }) })
  return resolve('problems' in result ? result.storePath : result.config.store.path, 'api.sock')
}

/** Where systemd gives the gateway a folder. */
export const SERVICE_SOCKET = '/run/sandpiper/api.sock'
