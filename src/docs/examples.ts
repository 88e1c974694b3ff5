// Examples of each section of gateway.yaml, as they would stand in the file behind `site: …`. A test gives each to the checker.

export interface Example {
  /** What it shows. */
  readonly title: string
  readonly yaml: string
}

export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  site: [{ title: 'A gateway with a name, and defaults for all else', yaml: 'site: well-07' }],
  broker: [
    { title: 'Programs of this machine, and a closed network of devices', yaml: `
broker:
  listeners:
    - { port: 1883 }
    - { port: 1883, host: 192.168.4.1, anonymous: true, maxConnections: 50 }
` },
    { title: 'TLS and browsers, with limits for sessions that are away', yaml: `
broker:
  listeners:
    - { port: 8883, host: "::", anonymous: true, tls: { key: server.key, cert: server.crt } }
    - { port: 9443, host: "::", anonymous: true, tls: { key: server.key, cert: server.crt }, websocket: true }
  sessionQueue: { maxSize: 20MB, maxAge: 7d, whenFull: drop-oldest }
` },
  ],
  access: [
    { title: 'Users, and what they may do', yaml: `
access:
  users:
    - { name: pump-1, password: "a long one", roles: [device] }
    - { name: ann, password: "another one", roles: [admin] }
  rules:
    - { allow: publish, topic: "sensors/{clientId}/#", roles: [device] }
    - { allow: all, topic: "#", roles: [admin] }
` },
    { title: 'Tokens of an identity provider', yaml: `
access:
  tokens:
    - issuer: https://id.example.com/realms/site
      audience: sandpiper
      keys: { jwks: https://id.example.com/realms/site/protocol/openid-connect/certs }
      username: preferred_username
      keycloak: { client: sandpiper }
` },
  ],
  tenants: [{ title: 'Two customers on one gateway, each by a port of its own', yaml: `
tenants:
  - { name: acme, maxConnections: 100, maxPublishesPerSecond: 500 }
  - { name: globex, retained: { maxMessages: 100, maxSize: 1MB } }
broker:
  listeners:
    - { port: 1883, tenant: acme }
    - { port: 1884, tenant: globex }
` }],
  store: [{ title: 'A card that has to last: writes wait a little longer, and have a bound', yaml: `
store:
  path: ./data
  maxSize: 2GB
  commitWindow: 200ms
  dailyWrites: 1GB
` }],
  board: [{ title: 'A Raspberry Pi 4 with two of its buses switched on', yaml: 'board: { id: rpi-4, enable: [one-wire, i2c-1] }' }],
  buses: [{ title: 'An RS-485 line and a Modbus TCP device', yaml: `
buses:
  - { name: rs485, modbus: { serial: { path: /dev/ttyUSB0, baud: 9600, parity: even } } }
  - { name: plc, modbus: { tcp: "192.168.1.5:502" } }
` }],
  sensors: [
    { title: 'A meter that writes a line every second, averaged over ten', yaml: `
sensors:
  - name: tank
    topic: "sensors/tank/{value}"
    serial: { path: /dev/ttyUSB0, baud: 9600 }
    decode: { csv: [level, temp] }
    values:
      level: { scale: 0.1, unit: cm, range: [0, 400], of: median, deadband: 0.5 }
      temp: { unit: "°C", deadband: 0.2 }
    every: 10s
    maxSilence: 10m
` },
    { title: 'Lines of the board: a door, and a rain gauge that counts', yaml: `
board: rpi-4
sensors:
  - { name: door, topic: door, retain: true, gpio: { line: GPIO17, pull: up, activeLow: true, debounce: 20ms } }
  - { name: rain, topic: rain, gpio: { line: GPIO22, input: counter, debounce: 5ms }, values: { mm: { from: total, scale: 0.2 } }, every: 1m }
` },
    { title: 'Registers of a Modbus device', yaml: `
buses: [{ name: rs485, modbus: { serial: { path: /dev/ttyUSB0, baud: 9600, parity: even } } }]
sensors:
  - name: meter
    topic: sensors/meter
    modbus:
      bus: rs485
      slave: 3
      poll: 5s
      read:
        - { name: voltage, input: 0, type: float32 }
        - { name: energy, holding: 52, type: uint32, words: little }
    values: { voltage: { unit: V, decimals: 1, deadband: 1 }, energy: { scale: 0.001, unit: kWh } }
    staleAfter: 1m
` },
    { title: 'A satellite receiver, a thermometer, the machine itself, and one that is made up', yaml: `
sensors:
  - { name: gps, topic: gps, nmea: { serial: { path: /dev/ttyACM0 }, setsClock: true }, every: 1m }
  - { name: water, topic: water, oneWire: { address: 28-0000051e8a2f }, values: { temperature: { unit: "°C" } } }
  - { name: gateway, topic: gateway, system: { disks: { data: / } }, every: 5m }
  - { name: demo, topic: demo, simulate: { kind: sine, every: 1s } }
` },
  ],
  outputs: [{ title: 'A pump that rests between two runs, and stops when who commands it has gone', yaml: `
board: rpi-4
outputs:
  - { name: pump, gpio: { line: GPIO27 }, command: pump/set, state: pump, minOff: 2m, failSafe: { state: off, clientGone: 30s } }
` }],
  announce: [{ title: 'Home Assistant finds all sensors by itself', yaml: 'announce: { homeAssistant: {} }' }],
  alarms: [{ title: 'Told to the cloud too, sooner for a link that has to be there, and never for a warm cabinet', yaml: `
alarms: { topic: "sites/{site}/alarms", uplinkDown: 10m, temperature: off }
uplinks:
  - name: cloud
    url: mqtts://broker.example.com
    routes: [{ out: "sites/{site}/alarms/#", class: alarm, retain: true }]
` }],
  history: [{ title: 'A week, at a point every five minutes, of sensors of others too', yaml: `
history:
  keep: 7d
  step: 5m
  topics: ["tanks/+/level", { topic: "weather/#", fields: [temperature, wind] }]
` }],
  remote: [{ title: 'A report every quarter of an hour, and commands that are answered, over the uplink', yaml: `
remote:
  report:   { topic: up/report, every: 15m, maxBytesPerDay: 40kB }
  commands: { topic: cmd, allow: [status, queue, pause], maxAnswer: 500B, maxBytesPerDay: 100kB }
uplinks:
  - name: cloud
    url: mqtts://broker.example.com
    routes:
      - { out: up/report, as: "sites/{site}/report", retain: true }
      - { in: "sites/{site}/cmd/+", as: "cmd/+" }
      - { out: cmd/+/reply, as: "sites/{site}/cmd/+/reply" }
` }],
  discovery: [{ title: 'Quiet, in a network of others', yaml: 'discovery: { mdns: off }' }],
  uplinks: [
    { title: 'A broker in the cloud by whatever line there is', yaml: `
uplinks:
  - name: cloud
    url: mqtts://broker.example.com
    username: well-07
    password: { file: /etc/sandpiper/cloud.password }
    routes:
      - { out: "sensors/#", as: "sites/{site}/sensors/#" }
      - { in: "sites/{site}/commands/#", as: "commands/#" }
` },
    { title: 'A line that costs by the byte: classes, batches, a budget, and a satellite modem for alarms', yaml: `
uplinks:
  - name: cloud
    url: mqtts://broker.example.com
    classes:
      - { name: alarm, maxAge: 7d }
      - { name: bulk, share: 20%, whenFull: { thin: 10 } }
    routes:
      - { out: "alarms/#", class: alarm, qos: 2 }
      - { out: "sensors/#", class: bulk, batch: { every: 5m } }
    links:
      - name: lte
        dial: { modem: lte-provider, maxCost: 50kB }
        connect: { when: { queued: 500, class: alarm, window: "02:00-04:00" } }
        budget: { day: 2MB, month: 20MB, reserve: { class: alarm, share: 20% } }
      - name: satellite
        classes: [alarm]
        sbd: { port: /dev/ttyUSB1, minSignal: 2 }
        budget: { month: 12kB }
` },
  ],
  http: [{ title: 'For this machine, and for the network with a certificate of its own', yaml: `
http:
  listeners:
    - { port: 8080 }
    - { port: 8443, host: "::", tls: own }
access:
  users: [{ name: ann, password: "pump-and-circumstance", roles: [admin] }]
` }],
  hostname: [{ title: 'Another name than the site’s', yaml: 'hostname: gateway-3' }],
  network: [
    { title: 'Wi-Fi, with the password in a file of its own', yaml: `
network:
  country: DE
  wifi:
    - { ssid: farm, password: { file: /etc/sandpiper/wifi.password } }
` },
    { title: 'A fixed address, and a modem', yaml: `
network:
  ethernet:
    - { interface: eth0, address: 192.168.1.20/24, gateway: 192.168.1.1, dns: [192.168.1.1] }
  modems:
    - { name: lte, apn: internet }
` },
  ],
  time: [{ title: 'A time server of the site', yaml: `
time:
  servers: [ntp.example.com]
` }],
  ssh: [{ title: 'Who may log in', yaml: `
ssh:
  keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann@example.com"]
` }],
  update: [{ title: 'Updates by message, over a line that costs', yaml: `
update:
  commands: updates
  maxRate: 20kB
` }],
  log: [{ title: 'More than usual, while something is looked for', yaml: 'log: { level: debug }' }],
}
