// What STATUS.txt, the light and the secrets are decided by: everything that is known, gathered once a look (gather.ts). Data only.
import type { ApplyResult } from '../appliance/apply.ts'
import type { Status } from '../ops/status.ts'
import type { Answer } from './answers.ts'

/** A device of NetworkManager. */
export interface NetworkDevice {
  readonly device: string
  readonly type: string
  readonly state: string
  readonly connection: string | null
  readonly addresses: readonly string[]
}

export interface DataPartition {
  readonly freeBytes: number
  readonly totalBytes: number
  /** In words; null when there is none. */
  readonly trouble: string | null
}

export interface CardFacts {
  readonly wallMs: number
  readonly isTimeSynced: boolean
  readonly uptimeSec: number
  readonly version: string
  /** The slot that runs and the image's version, where this is an image. */
  readonly slot: string | null
  readonly imageVersion: string | null
  /** An update is being tried. */
  readonly isTrial: boolean
  /** With `.local` where it is told by mDNS. */
  readonly hostname: string
  readonly devices: readonly NetworkDevice[]
  /** null: nothing has been applied since the start. */
  readonly applied: ApplyResult | null
  /** The text of gateway.yaml, for the lines of its mistakes; null when it cannot be read. */
  readonly text: string | null
  /** null: the gateway does not run, or has not said anything for too long. */
  readonly status: Status | null
  /** null when there is nobody to ask. */
  readonly answer: Answer | null
  readonly data: DataPartition
  readonly sshFingerprint: string | null
  readonly hasLed: boolean
}
