// gateway.yaml, `announce:`: who is told by itself what sensors and outputs there are.
import type { AnnounceConfig } from './config.ts'
import { text } from './scalar.ts'
import { defaulted, object, optional, type Schema } from './schema.ts'

const level = text({ expected: 'one level of a topic', pattern: /^[^+#/]+$/, placeholders: true, hint: 'write a name without / + and #' })

const homeAssistant = object({
  prefix: defaulted('First level of the discovery topics, as in Home Assistant.', 'homeassistant', level),
})

const sparkplug = object({
  group: defaulted('Group of edge nodes.', 'Sandpiper', level),
  node: defaulted('Name of this edge node.', '{site}', level),
})

export const announce: Schema<AnnounceConfig> = object({
  homeAssistant: optional("Home Assistant's MQTT discovery. `{}` is enough.", homeAssistant),
  sparkplug: optional('Sparkplug B: the gateway is an edge node, each sensor and output a device. `{}` is enough.', sparkplug),
})
