// gateway.yaml, `deadband`: of routes and of sensors.
import type { DeadbandConfig } from './config.ts'
import { number, percentage } from './scalar.ts'
import { Schema } from './schema.ts'

const absolute = number().into((by, place) => (by >= 0 ? { kind: 'absolute' as const, by } : place.problem(`${place.name} is negative`, 'write 0 or more')))
const relative = percentage().into((by) => ({ kind: 'relative' as const, by }))

export const deadband = new Schema<DeadbandConfig>('a number, or a percentage', { anyOf: [absolute.json, relative.json] }, (place) => {
  const { tree } = place
  return tree.kind === 'scalar' && typeof tree.value === 'string' ? relative.check(place) : absolute.check(place)
})
