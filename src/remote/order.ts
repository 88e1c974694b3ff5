// `pause`: when an uplink is connected, above what its links ask for, for a while.
import type { Gateway } from '../gateway.ts'
import { ORDERS, type OrderKind } from '../uplink/link/order.ts'
import type { Done, Handler } from './commands.ts'
import { Refusal, wanted } from './request.ts'

const ORDER_SEC_MAX = 86_400

export function orderHandler({ uplinks }: Pick<Gateway, 'uplinks'>): Handler {
  return ({ words }): Done => {
    const { uplink: name, order, forSec } = wanted(words, { uplink: { text: null, default: uplinks.length === 1 ? uplinks[0]!.name : '' }, order: { text: [...ORDERS, 'none'], default: 'pause' }, forSec: { integer: [1, ORDER_SEC_MAX], default: 900 } })
    const uplink = uplinks.find((one) => one.name === name)
    if (uplink === undefined) throw new Refusal(`"uplink" is one of ${uplinks.map((one) => one.name).join(', ') || 'none'}`)
    const said = { uplink: name, order, ...(order === 'none' ? {} : { forSec }) }
    const give = (): void => uplink.order(order === 'none' ? null : (order as OrderKind), forSec * 1000)
    // The answer to a pause would wait for its end.
    if (order === 'pause') return { words: said, after: give }
    give()
    return { words: said }
  }
}
