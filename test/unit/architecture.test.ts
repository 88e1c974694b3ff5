// Who may import whom. The tables here are the rule, and its documentation; the tests compare the code with them.
//
//   main, cli ─► gateway ─► ops  sensors  uplink  net ─► session ─► router ─► journal ─► store ─► mqtt ─► words ─► base
//                                                                             (port and records)
//
// An arrow means "may import": a room imports those named in its line, never one to its left. Uplinks stand beside the connections: they
// share the session's state machines (incoming, outgoing) and its outbox. Sensors know no router: the gateway gives them a sink.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOMS: Readonly<Record<string, readonly string[]>> = {
  main: ['configuration', 'commands', 'backup', 'card', 'api', 'discovery', 'remote', 'gateway', 'update', 'appliance', 'access', 'migrate', 'frame', 'config', 'ops', 'sensors', 'board', 'words', 'base'],
  /** What a person at a terminal wants: one file a command. */
  commands: ['configuration', 'backup', 'docs', 'store', 'doctor', 'card', 'gateway', 'update', 'appliance', 'access', 'frame', 'ops', 'sensors', 'board', 'config', 'words', 'base'],
  /** What people and programs ask the gateway over HTTP. */
  api: ['dashboard', 'doctor', 'update', 'configuration', 'gateway', 'backup', 'docs', 'store', 'history', 'alarms', 'board', 'ops', 'uplink', 'uplink/link', 'uplink/budget', 'net', 'session', 'journal', 'sensors', 'access', 'config', 'mqtt', 'keys', 'words', 'base'],
  /** Finds likely faults, and packs what somebody who helps has to know: of the machine, and of what the gateway's API says. */
  doctor: ['sensors', 'board', 'config', 'words', 'base'],
  /** The reference of gateway.yaml, made of its schema. */
  docs: ['config', 'base'],
  /** The store in one file, and back. */
  backup: ['store', 'words', 'base'],
  /** The configuration of a gateway that runs: read again, tried, confirmed. */
  configuration: ['gateway', 'alarms', 'ops', 'config', 'words', 'base'],
  /** What the cloud is told over a thin link, and what it may ask. */
  remote: ['configuration', 'gateway', 'update', 'ops', 'uplink', 'uplink/link', 'access', 'session', 'config', 'mqtt', 'words', 'base'],
  /** The page's files, and how they go to browsers. */
  dashboard: [],
  /** In the browser: what stands around the views, the views, and what they are made of. Nothing of the gateway's own is there. */
  'dashboard/page': ['dashboard/views', 'dashboard/parts'],
  'dashboard/views': ['dashboard/parts'],
  'dashboard/parts': [],
  /** Tells on the card how the gateway is, and takes secrets from it. */
  card: ['appliance', 'ops', 'config', 'words', 'base'],
  /** Makes a configuration the machine's own: network, clock, name, keys. */
  appliance: ['discovery', 'config', 'words', 'base'],
  /** How others in the network find the gateway. Knows what is listened on, and nobody who listens. */
  discovery: ['config', 'base'],
  /** Stands beside the gateway: another broker's configuration in, ours out. */
  migrate: ['config', 'words', 'base'],
  gateway: ['alarms', 'update', 'history', 'access', 'config', 'ops', 'announce', 'outputs', 'sensors', 'gpio', 'board', 'uplink', 'frame', 'net', 'session', 'router', 'journal', 'store', 'mqtt', 'words', 'base'],
  /** What is worth an alarm, when it begins and ends, and who is told. */
  alarms: ['uplink', 'uplink/budget', 'sensors', 'outputs', 'board', 'update', 'config', 'words', 'base'],
  /** Updates of the appliance: packages, slots, what is on trial. Knows no message but those of its requests. */
  update: ['ops', 'config', 'mqtt', 'words', 'base'],
  /** Who tells other systems what sensors and outputs there are. */
  announce: ['sensors', 'config', 'words', 'base'],
  /** What was told in the last hours, for charts. */
  history: ['sensors', 'store', 'config', 'words', 'base'],
  ops: ['access', 'uplink', 'outputs', 'sensors', 'config', 'router', 'mqtt', 'words', 'base'],
  sensors: ['gpio', 'board', 'config', 'mqtt', 'words', 'base'],
  outputs: ['gpio', 'board', 'config', 'mqtt', 'words', 'base'],
  /** What a machine is, and what is on it. */
  board: ['config', 'words', 'base'],
  uplink: ['uplink/link', 'uplink/client', 'uplink/sbd', 'uplink/dial', 'uplink/budget', 'frame', 'config', 'session', 'router', 'journal', 'store', 'mqtt', 'words', 'base'],
  'uplink/link': ['uplink/dial', 'config', 'base'],
  'uplink/client': ['uplink/link', 'uplink/dial', 'uplink/budget', 'config', 'session', 'journal', 'mqtt', 'words', 'base'],
  'uplink/sbd': ['uplink/link', 'config', 'words', 'base'],
  'uplink/dial': ['config', 'base'],
  'uplink/budget': ['config', 'base'],
  net: ['access', 'config', 'session', 'journal', 'mqtt', 'keys', 'words', 'base'],
  access: ['config', 'keys', 'words', 'base'],
  session: ['router', 'journal', 'store', 'mqtt', 'words', 'base'],
  router: ['journal', 'store', 'words', 'base'],
  journal: ['store', 'words', 'base'],
  store: ['words', 'base'],
  /** The lines of the machine: what sensors read and outputs drive. */
  gpio: ['words', 'base'],
  config: ['keys', 'words', 'base'],
  /** What certificates and keys are made of: bytes in, fields out. */
  keys: ['base'],
  mqtt: ['words', 'base'],
  /** Batch frames, pure: messages in, bytes out, and back. */
  frame: ['base'],
  /** What a message is made of; the rest of mqtt/ builds on it. */
  words: ['base'],
  base: [],
}

/** Files whose room is not their folder. */
const ROOM_OF: Readonly<Record<string, string>> = {
  'main.ts': 'main',
  'cli.ts': 'main',
  'run.ts': 'main',
  'banner.ts': 'main',
  'detected-board.ts': 'board',
  'beside.ts': 'main',
  'start-again.ts': 'main',
  'gateway.ts': 'gateway',
  'own-devices.ts': 'gateway',
  'lone-sensors.ts': 'gateway',
  'message.ts': 'words',
  'mqtt/topic.ts': 'words',
  'mqtt/reason.ts': 'words',
  'mqtt/utf8.ts': 'words',
  // What lines are called: profiles are made of it, checks and drivers ask it.
  'board/pin-map.ts': 'words',
  // A port between two rooms that do not know each other: access/ implements it, sessions ask it.
  'session/rights.ts': 'words',
}

/** Doors: of these rooms, everybody outside may import only these files … */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  store: ['store/store.ts', 'store/record.ts', 'store/ring.ts'],
  config: ['config/config.ts'],
  frame: ['frame/frame.ts'],
}

/** … and these files more. */
const KEYS: Readonly<Record<string, (file: string) => boolean>> = {
  'backup/receive.ts': (file) => file === 'store/schema.ts',
  'backup/offline.ts': (file) => file === 'store/sqlite.ts',
  'docs/docs.ts': (file) => file === 'config/gateway-schema.ts' || file === 'config/spelling.ts',
  'alarms/kinds.ts': (file) => file === 'config/units.ts',
  'api/caller.ts': (file) => file === 'config/http-config.ts',
  'api/support-bundle.ts': (file) => file === 'config/load.ts',
  'doctor/bundle.ts': (file) => file === 'config/redacted.ts',
  'api/routes/logins.ts': (file) => file === 'config/http-config.ts',
  'gateway.ts': (file) => file === 'store/sqlite.ts' || file === 'store/memory.ts' || file === 'config/sections.ts',
  'cli.ts': (file) => file.startsWith('config/'),
  'beside.ts': (file) => file.startsWith('config/'),
  'run.ts': (file) => file.startsWith('config/'),
  'commands/apply.ts': (file) => file.startsWith('config/'),
  'ops/status.ts': (file) => file === 'config/choose.ts',
  'appliance/apply.ts': (file) => file.startsWith('config/'),
  'card/look.ts': (file) => file.startsWith('config/'),
  'card/secrets.ts': (file) => file === 'config/place.ts' || file === 'config/yaml.ts',
  'card/worked.ts': (file) => file === 'config/place.ts',
  'card/verdict.ts': (file) => file === 'config/choose.ts',
  'card/status-text.ts': (file) => file === 'config/report.ts',
  'configuration/configuration.ts': (file) => file.startsWith('config/'),
  'configuration/editing.ts': (file) => file.startsWith('config/'),
  'configuration/take.ts': (file) => file.startsWith('config/'),
  'configuration/writer.ts': (file) => file === 'config/trial.ts',
  'api/routes/configuration.ts': (file) => file.startsWith('config/'),
  'api/routes/status.ts': (file) => file === 'config/choose.ts',
  'remote/asker.ts': (file) => file === 'config/http-config.ts',
  'remote/commands.ts': (file) => file === 'config/remote-config.ts',
  'commands/update.ts': (file) => file === 'config/choose.ts',
  'commands/sensors.ts': (file) => file === 'config/load.ts' || file === 'config/report.ts',
  'outputs/command.ts': (file) => file === 'config/units.ts',
  'commands/site.ts': (file) => file === 'config/load.ts' || file === 'config/last-good.ts',
  'commands/socket.ts': (file) => file === 'config/load.ts',
  'commands/unpack.ts': (file) => file === 'config/load.ts' || file === 'config/report.ts',
  'commands/passwd.ts': (file) => file === 'config/access-file.ts' || file === 'config/password-file.ts' || file === 'config/password-hash.ts',
  'commands/board.ts': (file) => file === 'config/board-needs.ts' || file === 'config/board-profile.ts',
  'detected-board.ts': (file) => file === 'config/board-profile.ts',
  'uplink/routes.ts': (file) => file === 'config/routes.ts',
  'uplink/uplink.ts': (file) => file === 'config/routes.ts',
  'migrate/access.ts': (file) => file === 'config/access-file.ts' || file === 'config/acl-file.ts' || file === 'config/password-file.ts',
  'migrate/bridges.ts': (file) => file === 'config/routes.ts',
  'migrate/conf.ts': (file) => file === 'config/spelling.ts',
  'migrate/import.ts': (file) => file === 'config/load.ts',
  'migrate/listener-tls.ts': (file) => file === 'config/access-file.ts',
}

/** A file may use a package's values when it is the package's adapter; types may be named elsewhere in the same room. */
const ADAPTERS: Readonly<Record<string, string>> = {
  '@signalk/nmea0183-signalk': 'sensors/nmea/parser.ts',
  ajv: 'api/app.ts',
  'better-sqlite3': 'store/folder.ts',
  epoll: 'gpio/readiness.ts',
  fastify: 'api/app.ts',
  jose: 'access/token.ts',
  'modbus-serial': 'sensors/modbus/master.ts',
  'mqtt-packet': 'mqtt/generate.ts',
  onoff: 'gpio/sysfs.ts',
  pino: 'log.ts',
  'pino-pretty': 'log.ts',
  'prom-client': 'ops/prometheus.ts',
  serialport: 'serial-port.ts',
  'systemd-notify': 'ops/systemd.ts',
  uplot: 'dashboard/parts/chart.ts',
  ws: 'websocket.ts',
  yaml: 'config/yaml.ts',
}

// ---- reading the code

const SRC = join(import.meta.dirname, '../../src')
const ROOT = join(SRC, '..')

interface Import {
  readonly from: string
  /** A file of src by its path there, or a package. */
  readonly to: string
  /** Gone when the types are stripped. */
  readonly typeOnly: boolean
}

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => file.replaceAll('\\', '/'))
  .sort()
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]))
const IMPORTS = FILES.flatMap(importsOf)

function importsOf(from: string): Import[] {
  const text = TEXTS.get(from)!
  const list: Import[] = []
  for (const [, word, named, target] of text.matchAll(/^(?:import|export)\s+(type\s+)?(?:([\w*{}\s,$]+?)\s+from\s+)?'([^']+)'/gm)) {
    const names = /\{([^}]*)\}/.exec(named ?? '')?.[1]?.split(',').map((n) => n.trim()).filter((n) => n !== '')
    const onlyTypes = names !== undefined && /^\s*\{/.test(named!) && names.every((n) => n.startsWith('type '))
    list.push({ from, to: resolved(from, target!), typeOnly: word !== undefined || onlyTypes })
  }
  for (const [, target] of text.matchAll(/\bimport\('([^']+)'\)/g)) list.push({ from, to: resolved(from, target!), typeOnly: false })
  return list
}

/** A file of src, or the name of a package (also when a file inside it is named). */
function resolved(from: string, target: string): string {
  if (target.startsWith('.')) return relative(SRC, join(SRC, dirname(from), target)).replaceAll('\\', '/')
  return target.startsWith('node:') ? target : /^(@[^/]+\/)?[^/]+/.exec(target)![0]
}

function roomOf(file: string): string {
  const folder = dirname(file)
  return ROOM_OF[file] ?? (folder === '.' ? 'base' : ROOMS[folder] === undefined ? file.split('/')[0]! : folder)
}

const inside = IMPORTS.filter((i) => i.to.endsWith('.ts'))
const packages = IMPORTS.filter((i) => !i.to.endsWith('.ts') && !i.to.startsWith('node:'))
const arrow = (i: Import): string => `${i.from} → ${i.to}`

// ---- the rules

describe('rooms', () => {
  test('the files were read', () => {
    expect(FILES.length).toBeGreaterThan(50)
    expect(inside.length).toBeGreaterThan(100)
    expect(inside.filter((i) => !TEXTS.has(i.to) && !existsSync(join(SRC, i.to))).map(arrow)).toEqual([])
  })

  test('every folder is a room of the table', () => {
    expect(FILES.filter((file) => ROOMS[roomOf(file)] === undefined)).toEqual([])
    expect(Object.keys(ROOM_OF).filter((file) => !TEXTS.has(file))).toEqual([])
  })

  test('a room imports only those its line names', () => {
    const strays = inside.filter((i) => roomOf(i.from) !== roomOf(i.to) && !ROOMS[roomOf(i.from)]!.includes(roomOf(i.to)))
    expect(strays.map(arrow)).toEqual([])
  })

  test('the table allows no cycles between rooms', () => {
    const open = new Set<string>()
    const done = new Set<string>()
    const cycles: string[] = []
    const visit = (room: string, path: readonly string[]): void => {
      if (done.has(room)) return
      if (open.has(room)) {
        cycles.push([...path, room].join(' → '))
        return
      }
      open.add(room)
      for (const next of ROOMS[room]!) visit(next, [...path, room])
      open.delete(room)
      done.add(room)
    }
    for (const room of Object.keys(ROOMS)) visit(room, [])
    expect(cycles).toEqual([])
  })

  test('doors: the store is known as its port, the configuration as its types', () => {
    const strays = inside.filter((i) => {
      const doors = DOORS[roomOf(i.to)]
      return roomOf(i.from) !== roomOf(i.to) && doors !== undefined && !doors.includes(i.to) && KEYS[i.from]?.(i.to) !== true
    })
    expect(strays.map(arrow)).toEqual([])
    const types = inside.filter((i) => i.to === 'config/config.ts')
    expect(types.filter((i) => !i.typeOnly).map(arrow)).toEqual([])
  })

  test('what touches the disk runs on the store’s thread: main.ts never loads it', () => {
    const seen = new Set<string>()
    const todo = ['main.ts']
    for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
      if (seen.has(file)) continue
      seen.add(file)
      for (const i of IMPORTS) if (i.from === file && !i.typeOnly) todo.push(i.to)
    }
    expect([...seen]).toContain('store/sqlite.ts')
    expect([...seen].filter((file) => file === 'better-sqlite3' || file === 'store/worker.ts' || file === 'store/engine.ts')).toEqual([])
  })
})

describe('packages', () => {
  test('each has one adapter', () => {
    expect(packages.filter((i) => !i.typeOnly && ADAPTERS[i.to] !== i.from).map(arrow)).toEqual([])
    expect(packages.filter((i) => i.typeOnly && roomOf(i.from) !== roomOf(ADAPTERS[i.to] ?? '')).map(arrow)).toEqual([])
  })

  test('each dependency is used, or is the runtime itself', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
    expect(Object.keys(dependencies).sort()).toEqual([...Object.keys(ADAPTERS), 'node'].sort())
  })
})

describe('words that stand in one place', () => {
  test('clocks and timers: clock.ts, and the page’s own', () => {
    const strays = FILES.filter((file) => file !== 'clock.ts' && file !== 'dashboard/parts/clock.ts' && /\b(Date\.now|performance\.now|process\.hrtime|setTimeout|setInterval)\b|\bnew Date\(\)/.test(code(file)))
    expect(strays).toEqual([])
  })

  test('calls of the C library: libc.ts', () => {
    expect(FILES.filter((file) => /\bnode:ffi\b/.test(code(file)))).toEqual(['libc.ts'])
  })

  test('console: nowhere', () => {
    expect(FILES.filter((file) => /\bconsole\./.test(code(file)))).toEqual([])
  })

  test('no drawers', () => {
    const drawer = /^(utils?|commons?|helpers?|misc|shared|lib)$/
    expect(FILES.filter((file) => file.split('/').some((part) => drawer.test(basename(part, '.ts'))))).toEqual([])
  })
})

/** The text without its comments. */
function code(file: string): string {
  return TEXTS.get(file)!.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '')
}
