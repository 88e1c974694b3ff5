// What a client may do, as its session asks it; the rules behind it are in access/. Where there are none, a session has null instead.
import type { QoS } from '../message.ts'
import type { Topic } from '../mqtt/topic.ts'

export interface Rights {
  /** On the way of messages: a known topic costs a look into an array. */
  mayPublish(topic: Topic, qos: QoS, retain: boolean): boolean
  /** At every QoS, retained or not. */
  mayPublishFreely(topic: Topic): boolean
  mayReceive(topic: Topic): boolean
  /** The highest QoS up to `qos` that it may have a subscription to `filter` with (without `$share/NAME/`); null for none. */
  grantedQos(filter: string, qos: QoS): QoS | null
}
