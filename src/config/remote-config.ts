// `remote:` of a configuration: what the cloud is told of the gateway, and what it may ask.

export const REMOTE_COMMANDS = ['status', 'queue', 'pause', 'config', 'update', 'support'] as const

export type RemoteCommand = (typeof REMOTE_COMMANDS)[number]

export interface RemoteConfig {
  readonly report: ReportConfig | null
  readonly commands: RemoteCommandsConfig | null
}

export interface ReportConfig {
  readonly topic: string
  readonly everyMs: number
  /** In any 24 hours. */
  readonly dayBytesMax: number
}

export interface RemoteCommandsConfig {
  /** Commands come below it. */
  readonly topic: string
  readonly allow: readonly RemoteCommand[]
  /** Uplinks that may bring them; null: each. */
  readonly from: readonly string[] | null
  /** Every command has to be signed. `key` is null where it could not be read and the gateway had to come up all the same: then none is taken. */
  readonly signature: { readonly key: Buffer | null } | null
  /** Of a command that says when it was given. */
  readonly ageMsMax: number
  /** The PUBLISH of an answer. */
  readonly answerBytesMax: number
  /** All answers in any 24 hours. */
  readonly dayBytesMax: number
}
