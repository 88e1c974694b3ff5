// gateway.yaml, `update:`: how updates come, and when one that does not work is undone. Only the image installs updates by itself.
import { boolean, duration, size, topicName } from './scalar.ts'
import { defaulted, object, optional, type Schema } from './schema.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

export interface UpdateConfig {
  /** Commands come here; answers go to their Response Topic, or to this one with /reply. null: nobody can ask for updates by message. */
  readonly commandTopic: string | null
  /** Bytes per second of a download; Infinity for all that the link gives. */
  readonly rateMax: number
  readonly withinMs: number
  readonly allowDowngrade: boolean
}

export const update: Schema<UpdateConfig> = object({
  commands: optional('Local topic of commands such as {"install":"https://…"}, {"rollback":true}, {"status":true}: let a route of an uplink bring them. Left out, no message can ask for an update.', topicName()),
  maxRate: optional('Bytes per second that a download may take of the link. Left out: all that it gives.', size(10, 100_000_000)),
  within: defaulted('An update has to work after so long, with an uplink where one was connected before, or it is undone. Longer than the longest pause between two windows of a satellite.', '15m', duration(MINUTE_MS, 7 * DAY_MS)),
  allowDowngrade: defaulted('Whether an older version than the installed one may be installed.', false, boolean()),
}).into(({ commands, maxRate, within, allowDowngrade }) => ({ commandTopic: commands, rateMax: maxRate ?? Infinity, withinMs: within, allowDowngrade }))
