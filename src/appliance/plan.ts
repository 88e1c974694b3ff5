// What a configuration wants of the machine, as files: pure, so that a laptop can say what an appliance would do. Nothing here reads or writes.
//
// What is always true: the same configuration gives the same files, byte for byte; all of them lie on tmpfs (/run), so a configuration that is
// gone leaves nothing behind; what holds a secret is for root only.
import { dirname } from 'node:path'
import type { Config } from '../config/config.ts'
import { AVAHI_CONF, avahiFiles, AVAHI_SERVICES } from './avahi.ts'
import { chronyConf } from './chrony.ts'
import { type Connection, connections } from './connections.ts'
import { keyfileText } from './keyfile.ts'
import { chatScript, peerFile } from './peers.ts'

export type { Connection }

export const APPLY_FOLDER = '/run/sandpiper-apply'
export const CONNECTIONS_FOLDER = '/run/NetworkManager/system-connections'
const PREFIX = 'sandpiper-'
const OWNER_ONLY = 0o600
const READABLE = 0o644

/** Where this is missing, because nothing was applied, NetworkManager brings up every cable by itself. */
const ONLY_OURS = '# Connections are those of gateway.yaml only.\n[main]\nno-auto-default=*\n'

/** Whose concern a file is: who has to hear of it when it has changed. */
export type Concern = 'network' | 'dialup' | 'time' | 'hostname' | 'ssh' | 'discovery'

export interface PlannedFile {
  readonly path: string
  readonly mode: number
  readonly content: string
  readonly concern: Concern
}

/** Files here that are not planned are of a configuration before. */
export interface OwnedFolder {
  readonly path: string
  readonly concern: Concern
  /** Only files with names that begin so are ours. */
  readonly prefix: string
}

export interface Plan {
  readonly files: readonly PlannedFile[]
  readonly folders: readonly OwnedFolder[]
  readonly hostname: string
  /** null leaves it to the radio. */
  readonly country: string | null
  readonly connections: readonly Connection[]
}

export function planOf(config: Config): Plan {
  const { network, time, hostname, ssh } = config
  const all = connections(network)
  const peers = `${APPLY_FOLDER}/peers`
  const chats = `${APPLY_FOLDER}/chat`
  const files: PlannedFile[] = [
    ...all.map((connection): PlannedFile => ({
      path: `${CONNECTIONS_FOLDER}/${PREFIX}${connection.uuid}.nmconnection`,
      mode: OWNER_ONLY,
      content: keyfileText(connection.groups),
      concern: 'network',
    })),
    { path: '/run/NetworkManager/conf.d/sandpiper.conf', mode: READABLE, content: ONLY_OURS, concern: 'network' },
    ...network.dialup.flatMap((line): PlannedFile[] => [
      { path: `${peers}/${line.name}`, mode: OWNER_ONLY, content: peerFile(line, `${chats}/${line.name}`), concern: 'dialup' },
      { path: `${chats}/${line.name}`, mode: OWNER_ONLY, content: chatScript(line), concern: 'dialup' },
    ]),
    { path: `${APPLY_FOLDER}/chrony/gateway.conf`, mode: READABLE, content: chronyConf(time), concern: 'time' },
    { path: `${APPLY_FOLDER}/hostname`, mode: READABLE, content: `${hostname}\n`, concern: 'hostname' },
    { path: `${APPLY_FOLDER}/authorized_keys`, mode: READABLE, content: ssh.keys.map((key) => `${key}\n`).join(''), concern: 'ssh' },
    ...[...avahiFiles(config)].map(([path, content]): PlannedFile => ({ path, mode: READABLE, content, concern: 'discovery' })),
  ]
  const folders: OwnedFolder[] = [
    { path: CONNECTIONS_FOLDER, prefix: PREFIX, concern: 'network' },
    { path: peers, prefix: '', concern: 'dialup' },
    { path: chats, prefix: '', concern: 'dialup' },
    { path: dirname(AVAHI_CONF), prefix: '', concern: 'discovery' },
    { path: AVAHI_SERVICES, prefix: '', concern: 'discovery' },
  ]
  return { files, folders, hostname, country: network.country, connections: all }
}
