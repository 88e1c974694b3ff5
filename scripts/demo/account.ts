// Both ends put side by side: what the gateway promised, and what came of it. The verdict is made here and nowhere else.
import { styleText } from 'node:util'
import type { Checker } from './checker.ts'
import type { Producer } from './producer.ts'

export interface Row {
  readonly qos: 1 | 2
  readonly topic: string
  readonly produced: number
  readonly acknowledged: number
  /** Acknowledged and not at the cloud: nothing wrong with that before the end. */
  readonly onItsWay: number
  readonly atCloud: number
  /** Acknowledged, and the cloud was given later ones; after the end: acknowledged and not there. */
  readonly lost: number
  readonly duplicates: number
  readonly disordered: number
}

/** `final`: everything had the time to arrive, so what is not there is lost. */
export function account(producer: Producer, checker: Checker, final = false): Row[] {
  return producer.outputs.map((output, i) => {
    const { stream, produced, acknowledged } = output
    const arrivals = checker.arrivals[i]!
    const onItsWay = Math.max(0, acknowledged - arrivals.distinct)
    let lost = 0
    for (const number of arrivals.missing) if (output.isAcknowledged(number)) lost++
    if (final) for (let number = arrivals.high + 1; number <= output.sent; number++) if (output.isAcknowledged(number)) lost++
    const { distinct: atCloud, duplicates, disordered } = arrivals
    return { qos: stream.qos, topic: stream.local, produced, acknowledged, onItsWay, atCloud, lost, duplicates, disordered }
  })
}

/** Which promises were broken, a sentence each; none when the demo went as it should. */
export function faults(rows: readonly Row[]): string[] {
  const list: string[] = []
  for (const row of rows) {
    const what = `QoS ${row.qos}`
    if (row.acknowledged === 0) list.push(`${what}: nothing was ever acknowledged`)
    if (row.acknowledged < row.produced) list.push(`${what}: ${count(row.produced - row.acknowledged)} messages were never acknowledged`)
    if (row.lost > 0) list.push(`${what}: ${count(row.lost)} acknowledged messages are lost`)
    if (row.disordered > 0) list.push(`${what}: ${count(row.disordered)} messages came out of order`)
    if (row.qos === 2 && row.duplicates > 0) list.push(`${what}: ${count(row.duplicates)} messages came twice`)
  }
  return list
}

/** The end in words. */
export function summary(rows: readonly Row[], outages: number, kills: number, backlog: number): string {
  const broken = faults(rows)
  const acknowledged = rows.reduce((sum, r) => sum + r.acknowledged, 0)
  const lines = [
    `The gateway acknowledged ${count(acknowledged)} messages, through ${outages} outages of the link`,
    `and ${kills} times kill -9. Up to ${count(backlog)} of them waited on its flash.`,
    '',
    ...rows.map((r) => `  QoS ${r.qos}: ${count(r.acknowledged)} acknowledged, lost ${r.lost}, duplicated ${r.duplicates}, out of order ${r.disordered}`),
    '',
  ]
  const again = rows.find((r) => r.qos === 1)?.duplicates ?? 0
  if (again > 0) {
    lines.push(
      `${count(again)} came twice at QoS 1, which it allows: they were sent, the answer was cut off,`,
      'and to send them again is the only way to be sure that none is lost.',
      '',
    )
  }
  if (broken.length > 0) lines.push(styleText(['red', 'bold'], 'A promise was broken:'), ...broken.map((b) => `  ${b}`))
  else lines.push(styleText(['green', 'bold'], 'All that was acknowledged has arrived, in order, and QoS 2 exactly once.'))
  return lines.join('\n')
}

export function count(n: number): string {
  return n.toLocaleString('en-US')
}
