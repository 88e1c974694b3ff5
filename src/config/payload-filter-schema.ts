// gateway.yaml, `only:` of a route: which messages are worth carrying.
import type { PayloadFilterConfig } from './config.ts'
import { deadband } from './deadband-schema.ts'
import { boolean, duration } from './scalar.ts'
import { defaulted, object, optional, type Schema } from './schema.ts'

const DAY_MS = 86_400_000

export const payloadFilter: Schema<PayloadFilterConfig> = object({
  onChange: defaulted('Not when the payload is the same as the last one carried.', false, boolean()),
  deadband: optional('Not while every number of the payload is within this of the last one carried: 0.5, or 2%.', deadband),
  minInterval: defaulted('Not sooner than this after the last one carried, changed or not.', '0s', duration(0, 365 * DAY_MS)),
  maxSilence: defaulted('Carried all the same when nothing was for so long.', 'never', duration(1000, 365 * DAY_MS, { never: Infinity })),
}).into((f) => ({ onChange: f.onChange, deadband: f.deadband, intervalMsMin: f.minInterval, silenceMsMax: f.maxSilence }))
