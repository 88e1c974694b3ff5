// A `when` as it stands in gateway.yaml, for tests of what it means.
import type { ConnectConfig } from '../../../../src/config/config.ts'
import { accepted, uplink } from '../../config/gateway-yaml.ts'

export type When = Extract<ConnectConfig, { kind: 'when' }>

export function connectOfText(when: string): When {
  const { connect } = accepted(uplink(`connect: { when: ${when} }`, 'routes: [{ out: a/# }, { out: b/#, class: alarm }, { out: c/#, class: bulk }]')).uplinks[0]!.links[0]!
  if (connect.kind !== 'when') throw new Error('always')
  return connect
}
