// gateway.yaml, `announce:`: who is told by itself what sensors and outputs there are.
import type { AnnounceConfig, Config } from './config.ts'
import type { Place } from './place.ts'
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

/** What the announced cannot be told apart by, or would never be told. Reports it; false when anything is wrong. `place` is that of the file. */
export function checkAnnounce({ announce: { homeAssistant: assistant, sparkplug: plug }, sensors, outputs }: Config, place: Place): boolean {
  if (assistant === null && plug === null) return true
  if (sensors.length + outputs.length === 0) place.key('announce').warning('there is nothing to announce', 'add `sensors` or `outputs`')
  sensors.forEach(({ name, reading }, i) => {
    if (reading !== null) return
    place.key('sensors').item(i).key('name').warning(`the sensor \`${name}\` is published as it comes, and not announced`, 'name its values: `values: { level: }`')
  })
  if (plug === null) return true
  let valid = true
  outputs.forEach(({ name, tenant }, i) => {
    if (tenant !== '' || !sensors.some((sensor) => sensor.tenant === '' && sensor.name === name)) return
    place.key('outputs').item(i).key('name').problem(`a sensor is called \`${name}\` too: to Sparkplug both are the same device`, `call the output for example ${name}-switch`)
    valid = false
  })
  return valid
}
