// The configuration of `npm start` without a file: something to look at at once. Text, so that it can be shown and copied,
// and so that it goes through the same checks as a site's own.

export const DEFAULT_CONFIG_NAME = 'built-in gateway.yaml'

export const defaultConfigText = `# Sandpiper without a configuration file: three invented sensors, and a broker for this machine.
# Save this as gateway.yaml, change it, and start with: npm start -- --config gateway.yaml
site: demo

broker:
  listeners:
    - { port: 1883, host: 127.0.0.1, anonymous: true }

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
