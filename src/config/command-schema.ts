// gateway.yaml, `command:` of a route: messages from the cloud that are commands.
import type { CommandConfig } from './config.ts'
import { duration, topicName } from './scalar.ts'
import { defaulted, object, optional, type Schema } from './schema.ts'

const DAY_MS = 86_400_000

export const command: Schema<CommandConfig> = object({
  reply: optional('Remote topic that hears what became of each command. {site} is replaced. Left out: the Response Topic that the command names, if it names one.', topicName()),
  expiry: defaulted('A command that nobody has taken for so long is dropped. One that has a Message Expiry Interval keeps it.', '1d', duration(1000, 3650 * DAY_MS, { never: Infinity })),
}).into((c) => ({ reply: c.reply, expiryMs: c.expiry }))
