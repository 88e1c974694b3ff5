// Messages in and out: one is published, or all that a filter selects is told as it comes.
import { makeMessage, type Message } from '../../message.ts'
import { checkTopicName, topicFilterProblem, type TopicLimits, topicLimitProblem } from '../../mqtt/topic.ts'
import type { ApiParts } from '../parts.ts'
import { PAYLOAD_PROPERTIES, readPayload, showPayload } from '../payload.ts'
import { invalid, Problem } from '../problem.ts'
import { rightsOf } from '../rights.ts'
import { type Call, count, type EventStream, flag, input, list, record, type Route, text, time } from '../route.ts'
import { TENANT, tenantOf } from './clients.ts'

const FILTERS_MAX = 20
/** Of what is published here; devices publish by MQTT. */
const PAYLOAD_BYTES_MAX = 1_000_000
const QOS = { enum: [0, 1, 2], default: 1, description: 'At 1 and 2 the answer comes when the message is safe.' }
/** Retained messages that are looked at before others have their turn. */
const LOOKS_PER_TURN = 1000

interface Publication {
  readonly topic: string
  readonly payload: string
  readonly encoding: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly tenant: string
  readonly expirySec?: number
}

export function messageRoutes({ gateway, clock }: ApiParts): Route[] {
  const { tenants } = gateway
  return [
    {
      method: 'POST',
      path: '/publish',
      role: 'operator',
      tag: 'messages',
      summary: 'Publishes a message',
      body: input({
        topic: text('Topic name.', { minLength: 1, maxLength: 65_535 }),
        payload: text('As text, or in base 64.', { default: '' }),
        encoding: { enum: ['utf8', 'base64'], default: 'utf8', description: 'How `payload` is meant.' },
        qos: QOS,
        retain: { type: 'boolean', default: false, description: 'Keep it as the last word of its topic.' },
        expirySec: { type: 'integer', minimum: 1, maximum: 0xffff_ffff, description: 'After so long nobody gets it any more.' },
        tenant: TENANT.tenant,
      }, ['topic']),
      bodyBytesMax: 2 * PAYLOAD_BYTES_MAX,
      problems: ['unavailable', 'too-large'],
      answer: record({ receivers: count('Clients that get it now or later, those that were away with a session among them.') }),
      handle: async ({ body, caller }) => {
        const asked = body as Publication
        const { router, name } = tenantOf(tenants, asked.tenant)
        const message = messageOf(asked, clock.now(), gateway.config.broker)
        const rights = rightsOf(gateway, caller!, name)
        if (message.topic.isSys) throw invalid('#/topic', 'begins with $SYS/: that is the broker’s own')
        if (rights !== null && !rights.mayPublish(message.topic, message.qos, message.retain)) throw new Problem('forbidden', `the rules do not let ${caller!.name} publish this`, { errors: [{ field: '#/topic', detail: 'is denied by access.rules' }] })
        if (message.retain && !router.retained.hasRoomFor(message)) throw new Problem('unavailable', 'there is no room for another retained message: see broker.retained')
        const { durable, passing } = router.receiversOf(message)
        const refusal = await gateway.publish(name, message)
        if (refusal !== null) throw new Problem('unavailable', `the message could not be kept: ${refusal === 'disk-full' ? 'the card is full' : 'the store is full (store.maxSize)'}`)
        return { receivers: durable.size + passing.length }
      },
    },
    {
      method: 'GET',
      path: '/subscribe',
      role: 'viewer',
      tag: 'messages',
      summary: 'Messages as they come, as server-sent events',
      description: 'What a listener does not read in time is left out, and counted. Retained messages come first, where they are asked for.',
      query: {
        filter: { ...list(text('Topic filter.')), minItems: 1, maxItems: FILTERS_MAX, description: 'Topic filters; may be given several times.' },
        retained: { type: 'boolean', default: false, description: 'What is retained now comes first.' },
        payloadBytes: { type: 'integer', minimum: 0, maximum: 65_536, default: 4096, description: 'Bytes of each payload that are shown.' },
        ...TENANT,
      },
      events: {
        message: record({ topic: text('Its topic.'), qos: { enum: [0, 1, 2] }, retain: flag('It was retained before.'), at: time('When it came.'), ...PAYLOAD_PROPERTIES }),
        'left-out': record({ count: count('Messages that were not read in time.') }),
      },
      listen: (call, stream) => listen(call, stream),
    },
  ]

  function listen({ query, caller, gone }: Call, stream: EventStream): () => void {
    const filters = query['filter'] as readonly string[] | undefined
    if (filters === undefined) throw invalid('filter', 'is missing')
    for (const filter of filters) {
      const problem = filter.startsWith('$share/') ? 'a shared subscription would take messages from others' : topicFilterProblem(filter)
      if (problem !== null) throw invalid('filter', problem)
    }
    const { router, name } = tenantOf(tenants, query['tenant'] as string)
    const rights = rightsOf(gateway, caller!, name)
    const denied = filters.find((filter) => rights !== null && rights.grantedQos(filter, 0) === null)
    if (denied !== undefined) throw new Problem('forbidden', `the rules do not let ${caller!.name} subscribe to ${denied}`, { errors: [{ field: 'filter', detail: 'is denied by access.rules' }] })
    const tell = (message: Message, retain: boolean): void => {
      stream.send('message', { topic: message.topic.name, qos: message.qos, retain, at: new Date(clock.wall()).toISOString(), ...showPayload(message, query['payloadBytes'] as number) })
    }
    const mayReceive = (message: Message): boolean => rights === null || rights.mayReceive(message.topic)
    const end = gateway.subscribe(name, filters, (message) => tell(message, false), rights, true)
    if (query['retained'] === true) void tellRetained(filters, gone)
    return end

    async function tellRetained(all: readonly string[], signal: AbortSignal): Promise<void> {
      let looks = 0
      for (const filter of all) {
        for (const message of router.retained.select(filter, clock.now())) {
          if (message !== null && mayReceive(message)) tell(message, true)
          if (++looks % LOOKS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
          if (signal.aborted) return
        }
      }
    }
  }
}

function messageOf({ topic, payload, encoding, qos, retain, expirySec }: Publication, nowMs: number, limits: TopicLimits): Message {
  const problem = topicNameProblem(topic) ?? topicLimitProblem(topic, Buffer.byteLength(topic), limits)
  if (problem !== null) throw invalid('#/topic', problem)
  const bytes = readPayload(payload, encoding)
  if (bytes === null) throw invalid('#/payload', 'is not base 64')
  if (bytes.length > PAYLOAD_BYTES_MAX) throw new Problem('too-large', `a payload has ${PAYLOAD_BYTES_MAX} bytes at most here`)
  return makeMessage(topic, bytes, { qos, retain, ...(expirySec === undefined ? {} : { expiresAtMs: nowMs + expirySec * 1000 }) })
}

function topicNameProblem(name: string): string | null {
  if (!name.isWellFormed()) return 'is no text that UTF-8 can carry'
  try {
    checkTopicName(name)
    return null
  } catch (error) {
    return (error as Error).message
  }
}
