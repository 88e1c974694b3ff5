// What became of a command, for whoever published it: JSON under the Response Topic that the command names (MQTT 5.0 section 4.10), with its
// Correlation Data. A command that names none gets no answer.
import { makeMessage, type Message } from '../message.ts'
import { correlationProperty, responseOf } from './response.ts'

/** null when nobody asked for an answer. */
export function commandAnswer(command: Message, said: Readonly<Record<string, unknown>>): Message | null {
  const { topic, correlation } = responseOf(command.properties)
  if (topic === null || topic.startsWith('$')) return null
  return makeMessage(topic, JSON.stringify(said), { qos: 1, properties: correlation === null ? null : correlationProperty(correlation) })
}
