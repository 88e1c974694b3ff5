// Configurations that nobody wrote: that of `npm start` without a file, something to look at at once; and the one that an appliance runs on when
// there is nothing else. Text, so that it can be shown and copied, and so that it goes through the same checks as a site's own.
import { networkInterfaces } from 'node:os'

export const DEFAULT_CONFIG_NAME = 'built-in gateway.yaml'

export const defaultConfigText = `# Sandpiper without a configuration file: three invented sensors, a broker and a dashboard for this machine.
# Save this as gateway.yaml, change it, and start with: npm start -- --config gateway.yaml
site: demo

broker:
  listeners:
    - { port: 1883, host: 127.0.0.1, anonymous: true }

http:
  listeners:
    - { port: 8080 }

store:
  path: ./data

sensors:
  - name: tank
    simulate: { kind: sine, every: 1s, min: 20, max: 80, period: 60s }
    topic: sensors/tank
  - name: temperature
    simulate: { kind: random-walk, every: 5s, min: 12, max: 28 }
    topic: sensors/temperature
  - name: flow
    simulate: { kind: counter, every: 2s, max: 1000000 }
    topic: sensors/flow
`

/**
 * For an appliance whose file has a mistake and that has never run on another. It starts on every machine and opens nothing: programs of this
 * machine reach the broker, cables get their addresses by DHCP, and what is queued for uplinks is kept until the file is mended. A broker that lets
 * the network in without a password would be a door that nobody has opened.
 */
export function safeDefaultText(): string {
  const loopback = Object.values(networkInterfaces()).flat().filter((of) => of?.internal === true).map((of) => of!.address)
  const hosts = ['127.0.0.1', ...(loopback.includes('::1') ? ['"::1"'] : [])]
  return `site: gateway\nbroker:\n  listeners:\n${hosts.map((host) => `    - { port: 1883, host: ${host}, anonymous: true }\n`).join('')}store: { dailyWrites: 900MB }\n`
}
