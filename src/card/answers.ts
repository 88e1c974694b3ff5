// Whether the broker answers, for whoever reads the card.
import type { Clock } from '../clock.ts'
import { brokerTrouble } from '../ops/broker-probe.ts'
import type { Status } from '../ops/status.ts'

export interface Answer {
  readonly where: string
  /** null when it answered. */
  readonly why: string | null
}

/** null where there is no listener. Never rejects. The listener that is asked is one without TLS, where there is one. */
export async function askBroker({ listeners, probe }: Status['broker'], clock: Clock): Promise<Answer | null> {
  const listener = listeners.find((l) => !l.tls) ?? listeners[0]
  if (listener === undefined) return null
  return { where: 'socket' in listener ? listener.socket : `port ${listener.port}`, why: await brokerTrouble([listener], probe, clock) }
}
