// What is looked at: this machine, its configuration, and the gateway that runs here, if one does.
import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Finding } from './finding.ts'
import type { GatewayView } from './gateway-view.ts'

export interface Patient {
  readonly clock: Clock
  /** Stands before /sys, /proc and /dev. */
  readonly root: string
  /** What the checks go by: the file's, or the last good one where that has a mistake; null where there is neither. */
  readonly config: Config | null
  readonly file: CheckedFile | null
  readonly gateway: GatewayView | null
  /** null when a gateway is asked. */
  readonly noGateway: Finding | null
  /** For tests: what else stands between the checks and the machine. */
  readonly edges?: Partial<Edges>
}

/** gateway.yaml as it is now. */
export interface CheckedFile {
  readonly name: string
  readonly problems: readonly Mistake[]
  readonly warnings: readonly Mistake[]
}

export interface Mistake {
  readonly code: string
  readonly line: number
  readonly message: string
  readonly hint: string
}

export interface SpaceFacts {
  readonly bytes: number
  readonly freeBytes: number
  /** 0 where the file system has no such limit. */
  readonly files: number
  readonly freeFiles: number
}

export interface Edges {
  /** Rejects when it cannot be told. */
  space(path: string): Promise<SpaceFacts>
  isSynced(wallMs: number): boolean | null
  /** IP addresses of a name. */
  lookup(host: string): Promise<readonly string[]>
  /** Of this machine. */
  addresses(): readonly string[]
}
