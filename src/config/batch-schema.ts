// gateway.yaml, `batch:` of a route: when a frame is due, and how large it may get.
import type { BatchConfig } from './config.ts'
import { duration, integer, size, topicName } from './scalar.ts'
import { defaulted, object, type Schema } from './schema.ts'

const HOUR_MS = 3_600_000

export const batch: Schema<BatchConfig> = object({
  every: defaulted('The oldest message waits for company this long.', '5m', duration(100, 24 * 31 * HOUR_MS)),
  maxReadings: defaulted('A frame leaves at once when it has so many messages.', 300, integer(1, 10_000)),
  maxBytes: defaulted('A frame gets no larger; what does not fit goes with the next one.', '16kB', size(256, 1_000_000)),
  topic: defaulted('Remote topic of the frames. {site} is replaced. Routes of the same class with the same topic share their frames.', 'sandpiper/{site}/frames', topicName()),
}).into((b) => ({ everyMs: b.every, readingsMax: b.maxReadings, bytesMax: b.maxBytes, topic: b.topic }))
