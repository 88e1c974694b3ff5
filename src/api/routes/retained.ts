// Retained messages: the last word of each topic.
import { makeMessage, type Message } from '../../message.ts'
import { topicFilterProblem } from '../../mqtt/topic.ts'
import { PAGE_QUERY, pageOf, pageSchema } from '../page.ts'
import type { ApiParts } from '../parts.ts'
import { PAYLOAD_PROPERTIES, showPayload } from '../payload.ts'
import { invalid, notFound } from '../problem.ts'
import { record, type Route, text, time } from '../route.ts'
import { rightsOf } from '../rights.ts'
import { TENANT, tenantOf } from './clients.ts'

const RETAINED = record({ topic: text('Its topic.'), qos: { enum: [0, 1, 2] }, ...PAYLOAD_PROPERTIES, expiresAt: time('When it goes by itself; null for never.') })
const SHOWN_BYTES = { type: 'integer', minimum: 0, maximum: 65_536, default: 1024, description: 'Bytes of each payload that are shown.' }

export function retainedRoutes({ gateway, clock }: ApiParts): Route[] {
  const { tenants } = gateway
  return [
    {
      method: 'GET',
      path: '/retained',
      role: 'viewer',
      tag: 'messages',
      summary: 'Retained messages',
      query: { filter: text('Topic filter.', { default: '#' }), ...TENANT, ...PAGE_QUERY, payloadBytes: SHOWN_BYTES },
      answer: pageSchema(RETAINED),
      handle: ({ query, caller }) => {
        const filter = query['filter'] as string
        const problem = topicFilterProblem(filter)
        if (problem !== null) throw invalid('filter', problem)
        const { router, name } = tenantOf(tenants, query['tenant'] as string)
        const mayReceive = rightsOf(gateway, caller!, name)
        return pageOf(selected(router.retained.select(filter, clock.now()), (message) => mayReceive === null || mayReceive.mayReceive(message.topic)), ({ topic }) => topic.name, query, (message) => ({
          topic: message.topic.name,
          qos: message.qos,
          ...showPayload(message, query['payloadBytes'] as number),
          expiresAt: message.expiresAtMs === Infinity ? null : new Date(clock.wall() + message.expiresAtMs - clock.now()).toISOString(),
        }))
      },
    },
    {
      method: 'DELETE',
      path: '/retained',
      role: 'operator',
      tag: 'messages',
      summary: 'Clears the retained message of a topic',
      description: 'As MQTT does it: an empty retained message is published, which subscribers get too.',
      query: { topic: text('Its topic.'), ...TENANT },
      problems: ['not-found'],
      answer: null,
      handle: async ({ query, caller }) => {
        const topic = query['topic'] as string | undefined
        if (topic === undefined) throw invalid('topic', 'is missing')
        const { router, name } = tenantOf(tenants, query['tenant'] as string)
        if (!router.retained.has(topic)) throw notFound('topic', 'this topic has no retained message')
        const message = makeMessage(topic, '', { retain: true, qos: 1 })
        const rights = rightsOf(gateway, caller!, name)
        if (message.topic.isSys) throw invalid('topic', 'is the broker’s own: it is written again by itself')
        if (rights !== null && !rights.mayPublish(message.topic, 1, true)) throw invalid('topic', 'may not be published to by this user')
        await gateway.publish(name, message)
      },
    },
  ]
}

function* selected(messages: Iterable<Message | null>, isShown: (message: Message) => boolean): Generator<Message> {
  for (const message of messages) if (message !== null && isShown(message)) yield message
}
