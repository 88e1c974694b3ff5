// gateway.yaml, `connect:` of a link: when there is to be a connection.
import type { ConnectConfig } from './config.ts'
import { choice } from './scalar.ts'
import type { Schema } from './schema.ts'

export const connect: Schema<ConnectConfig> = choice(['always']).into(() => ({ kind: 'always' }))
