// One dialler as a process of its own, for tests that put it into a network namespace: node dial-line.ts '{"kind":"interface",…}'
// Takes `dial`, `hang up` and `leave`, a line each, on standard input; prints what came of it as a line of JSON; ends with its input, or when it is
// to leave, at once and without hanging up.
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/clock.ts'
import type { DialConfig } from '../../src/config/config.ts'
import { makeDialler } from '../../src/uplink/dial/dial.ts'
import { addressOf } from '../../src/uplink/dial/network.ts'

const print = (facts: object): void => void process.stdout.write(`${JSON.stringify(facts)}\n`)

const config = { attemptBytesMax: Infinity, ...(JSON.parse(process.argv[2]!) as object) } as DialConfig
const dialler = makeDialler(config, { clock: systemClock, log: { debug: () => {}, warn: (_fields, warning) => print({ warning }) } })
dialler.onLost((lost) => print({ lost }))

async function dial(): Promise<void> {
  try {
    const { interface: name } = await dialler.dial()
    print({ up: name, address: name === null ? null : addressOf(name) })
  } catch (error) {
    print({ failed: (error as Error).message })
  }
}

for await (const line of createInterface(process.stdin)) {
  if (line === 'dial') void dial()
  if (line === 'leave') process.exit(3)
  if (line === 'hang up') await dialler.hangUp().then(() => print({ down: true }))
}
await dialler.hangUp()
