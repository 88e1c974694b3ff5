// What travels in the demo: two streams of numbered messages, one at each QoS that promises something.

export interface Stream {
  readonly qos: 1 | 2
  /** At the gateway. */
  readonly local: string
  /** At the cloud. */
  readonly remote: string
}

export const SITE = 'well-07'

export const STREAMS: readonly Stream[] = [
  { qos: 1, local: 'well/level', remote: `sites/${SITE}/level` },
  { qos: 2, local: 'well/pulses', remote: `sites/${SITE}/pulses` },
]

export function payloadOf(number: number): string {
  return JSON.stringify({ number, value: Math.round(5000 + 4000 * Math.sin(number / 300)) / 100 })
}

export function numberOf(payload: Buffer): number {
  return (JSON.parse(payload.toString()) as { number: number }).number
}
