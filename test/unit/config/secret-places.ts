// A configuration with a secret of its own in every place that takes one. redacted.test.ts asks the schema whether a place is missing here.

/** By the path in the schema. */
export const SECRET_PLACES: Readonly<Record<string, string>> = {
  'access.users[].password': 'secret-of-a-user',
  'access.users[].passwordHash': `$7$101$${Buffer.alloc(12, 1).toString('base64')}$${Buffer.alloc(64, 2).toString('base64')}`,
  'access.tokens[].keys.secret': 'secret-of-the-tokens-of-an-issuer-that-is-long-enough',
  'http.tokens[].token': 'secret-of-a-program-that-comes-by-http',
  'network.wifi[].password': 'secret-of-the-wifi',
  'network.hotspot.password': 'secret-of-the-hotspot',
  'network.modems[].pin': '73915',
  'network.modems[].password': 'secret-of-the-sim',
  'network.dialup[].password': 'secret-of-the-dialup',
  'remote.commands.key': 'secret-of-commands-from-afar-that-is-long-enough',
  'uplinks[].password': 'secret-of-the-uplink',
}

const of = (path: string): string => SECRET_PLACES[path]!

export const SECRETS_YAML = `site: well-07
broker: { listeners: [{ port: 0 }] }
access:
  users:
    - { name: ann, password: ${of('access.users[].password')} }
    - name: ben
      passwordHash: "${of('access.users[].passwordHash')}"
  tokens:
    - keys: { secret: '${of('access.tokens[].keys.secret')}' }
      algorithms: [HS256]
http:
  listeners: [{ port: 0 }]
  tokens:
    - name: prometheus
      token: |-
        ${of('http.tokens[].token')}
      role: viewer
network:
  wifi: [{ ssid: site, password: ${of('network.wifi[].password')} }]
  hotspot: { ssid: devices, password: ${of('network.hotspot.password')} }
  modems: [{ name: lte, pin: "${of('network.modems[].pin')}", user: web, password: ${of('network.modems[].password')} }]
  dialup: [{ name: iridium, device: /dev/ttyUSB0, number: "008816000025", user: sat, password: ${of('network.dialup[].password')} }]
remote: { commands: { topic: cmd, allow: [status], key: ${of('remote.commands.key')} } }
uplinks:
  - name: cloud
    url: mqtt://127.0.0.1:1
    username: well-07
    password: >-
      ${of('uplinks[].password')}
    routes: [{ out: "sensors/#" }]
`
