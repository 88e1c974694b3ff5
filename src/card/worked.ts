// Which secrets of the file have worked: only those are taken from it, for one that is wrong has to be seen and mended there. Pure.
//
//   users        the file's configuration is the one that runs
//   uplink       it has been connected since the gateway was started with this file
//   Wi-Fi, modem NetworkManager has brought the connection up with what was applied of this file
//   dial-up      an uplink is connected over a link that dials it
import type { Config } from '../config/config.ts'
import type { WrittenSecret } from '../config/place.ts'
import type { Status } from '../ops/status.ts'
import { ownerOf } from './secrets.ts'

export interface Evidence {
  readonly config: Config
  /** Of the gateway that runs with this very text. */
  readonly status: Status
  /** Where connections stand in the file that are up, as they were applied of this very text. */
  readonly connectedPaths: ReadonlySet<string>
}

export function workedSecrets(secrets: readonly WrittenSecret[], evidence: Evidence): readonly WrittenSecret[] {
  const worked = secrets.filter(({ path }) => hasWorked(path, evidence))
  // An anchored value serves several: all of them must have worked.
  const open = new Set(secrets.filter((secret) => !worked.includes(secret)).map(({ start }) => start))
  return worked.filter(({ start }, i) => !open.has(start) && worked.findIndex((other) => other.start === start) === i)
}

function hasWorked(path: string, { config, status, connectedPaths }: Evidence): boolean {
  const owner = ownerOf(path)
  switch (owner?.kind) {
    case undefined:
      return false
    case 'user':
      return true
    case 'uplink':
      return status.uplinks.some(({ name, everConnected }) => everConnected && name === config.uplinks[owner.index]?.name)
    case 'connection':
      return connectedPaths.has(owner.path)
    case 'modem':
      return connectedPaths.has(`network.modems[${owner.index}]`)
    case 'dialup': {
      const line = config.network.dialup[owner.index]?.name
      return status.uplinks.some(({ name, connected, link }) => connected && config.uplinks.some((u) => u.name === name && u.links.some((l) => l.name === link && l.dial?.kind === 'pppd' && l.dial.peer === line)))
    }
  }
}
