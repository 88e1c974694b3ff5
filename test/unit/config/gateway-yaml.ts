// The example of the documentation, and short ways to check a text.
import { checkText, type LoadOptions, type LoadResult } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/config.ts'

export const EXAMPLE = `site: well-07
broker:
  listeners:
    - { port: 1883, host: 127.0.0.1, anonymous: true }   # host defaults to 127.0.0.1
store:
  path: ./data
  commitWindow: 20ms
  maxSize: 2GB
sensors:
  - { name: tank, serial: { path: /dev/ttyUSB0, baud: 9600 }, frame: line, decode: json, topic: sensors/tank }
  - { name: demo, simulate: { kind: sine, every: 1s }, topic: sensors/demo }
uplinks:
  - name: cloud
    url: mqtt://broker.example.com:1883
    clientId: "{site}"
    username: well-07
    password: { file: /etc/sandpiper/cloud.password }
    version: 5                    # or 4 (3.1.1)
    routes:
      - { out: "sensors/#", as: "sites/{site}/sensors/#", qos: 1 }
      - { in: "sites/{site}/commands/#", as: "commands/#", qos: 1 }
    queue: { maxSize: 1GB, maxAge: 30d, whenFull: drop-oldest }
`

export function check(text: string, options: LoadOptions = { secrets: 'skip' }): LoadResult {
  return checkText(text, '/site/gateway.yaml', options)
}

export function accepted(text: string, options?: LoadOptions): Config {
  const result = check(text, options)
  if ('problems' in result) throw new Error(`refused:\n${lines(result).join('\n')}`)
  return result.config
}

/** `line:column path: message`, one for each problem. */
export function lines(result: LoadResult): string[] {
  return 'problems' in result ? result.problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.message}`) : []
}

/** An uplink with a few keys changed or added. */
export function uplink(keys: string, routes = 'routes: [{ out: a/# }]'): string {
  return `site: s\nuplinks:\n  - name: cloud\n    url: mqtt://h\n    ${routes}\n${keys.replace(/^/gm, '    ')}`
}
