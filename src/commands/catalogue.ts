// The commands: their words, options and examples. `sandpiper --help`, `sandpiper COMMAND --help`, what is refused and what a shell completes
// (completion.ts) are made of this one table, so none of them can promise what another does not know.
import type { ParseArgsOptionsConfig } from 'node:util'

/** What stands behind an option or in a place of a command, as far as a shell can help. */
export type Kind = 'file' | 'folder' | 'text' | readonly string[]

export interface OptionForm {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** How its value is called; none for a flag. */
  readonly value?: string
  /** Default: text. */
  readonly kind?: Kind
}

/** All options that any command has. What one means is said where the command is. */
export const OPTIONS = {
  config: { type: 'string', short: 'c', value: 'FILE', kind: 'file' },
  out: { type: 'string', short: 'o', value: 'FILE', kind: 'file' },
  delete: { type: 'boolean' },
  client: { type: 'string', value: 'ID' },
  user: { type: 'string', value: 'NAME' },
  anonymous: { type: 'boolean' },
  tenant: { type: 'string', value: 'NAME' },
  role: { type: 'string', multiple: true, value: 'NAME' },
  claim: { type: 'string', multiple: true, value: 'NAME=VALUE' },
  publish: { type: 'string', value: 'TOPIC' },
  subscribe: { type: 'string', value: 'FILTER' },
  receive: { type: 'string', value: 'TOPIC' },
  qos: { type: 'string', value: 'N', kind: ['0', '1', '2'] },
  board: { type: 'string', value: 'ID' },
  json: { type: 'boolean' },
  yes: { type: 'boolean', short: 'y' },
  for: { type: 'string', value: 'TIME' },
  list: { type: 'boolean' },
  root: { type: 'string', value: 'FOLDER', kind: 'folder' },
  retain: { type: 'boolean' },
  from: { type: 'string', value: 'URL' },
  to: { type: 'string', value: 'URL' },
  topic: { type: 'string', multiple: true, value: 'FILTER' },
  state: { type: 'string', value: 'FOLDER', kind: 'folder' },
  'client-id': { type: 'string', value: 'ID' },
  'password-file': { type: 'string', value: 'FILE', kind: 'file' },
  ca: { type: 'string', value: 'FILE', kind: 'file' },
  'to-user': { type: 'string', value: 'NAME' },
  'to-password-file': { type: 'string', value: 'FILE', kind: 'file' },
  'to-ca': { type: 'string', value: 'FILE', kind: 'file' },
  'last-good': { type: 'boolean' },
  'or-default': { type: 'boolean' },
  card: { type: 'string', value: 'FOLDER', kind: 'folder' },
  'dry-run': { type: 'boolean' },
  socket: { type: 'string', value: 'FILE', kind: 'file' },
  drop: { type: 'string', value: 'N' },
  clear: { type: 'string', value: 'TOPIC' },
  limit: { type: 'string', value: 'N' },
  level: { type: 'string', value: 'LEVEL', kind: ['trace', 'debug', 'info', 'warn', 'error'] },
  follow: { type: 'boolean', short: 'f' },
  'other-site': { type: 'boolean' },
  check: { type: 'boolean' },
  markdown: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig & Readonly<Record<string, OptionForm>>

export type OptionName = keyof typeof OPTIONS

/** One way to use a command. */
export interface Form {
  /** Without `sandpiper` and the name of the command; options are told apart from it. */
  readonly words: string
  readonly what: string
}

export interface Command {
  readonly name: string
  readonly forms: readonly Form[]
  /** What may stand in its places, from the first; the last holds for all that follow. */
  readonly places?: readonly Kind[]
  readonly options?: Readonly<Partial<Record<OptionName, string>>>
  /** More about it, in sentences. */
  readonly notes?: readonly string[]
  /** Whole lines for a shell, each with what it is for. */
  readonly examples: readonly (readonly [line: string, what: string])[]
}

/** Of commands that ask the gateway that runs. */
const ASKS = {
  socket: 'the gateway’s socket; without it that of the service, or ./data/api.sock',
  config: 'finds the socket of the gateway that runs with this configuration',
  state: 'with --config: the state folder that the gateway was given',
  json: 'for programs: as the API has it',
} as const

const BOARD = { board: 'for this board (an id of `sandpiper board --list`, or the file of a profile) instead of this machine' } as const
const STATE = { state: 'folder of the gateway: its store where store.path is relative, the last good configuration, secrets that were moved there' } as const
const ROOT = { root: 'stands before the machine’s own /sys, /proc and /dev' } as const
const TENANT = { tenant: 'in the space of this tenant' } as const

export const COMMANDS: readonly Command[] = [
  {
    name: 'run',
    forms: [{ words: '', what: 'the gateway; without a file, a demonstration on 127.0.0.1:1883' }],
    options: {
      config: 'the configuration',
      ...STATE,
      'last-good': 'when the file has a mistake, say so and run on the last one that worked',
      'or-default': 'with --last-good: on a safe default where there is none',
    },
    examples: [['sandpiper run --config gateway.yaml', 'as on a site']],
  },
  {
    name: 'check',
    forms: [{ words: 'FILE', what: 'every problem of a configuration, with line and column' }],
    places: ['file'],
    options: { config: 'the same as FILE', ...BOARD, ...STATE },
    examples: [
      ['sandpiper check gateway.yaml', 'before it is used'],
      ['sandpiper check gateway.yaml --board rpi-4', 'on any machine for a Raspberry Pi 4'],
    ],
  },
  {
    name: 'docs',
    forms: [{ words: '[SECTION|KEY]', what: 'the reference of gateway.yaml: every key with its bounds, its default and what it is for, and examples' }],
    options: { markdown: 'as Markdown' },
    examples: [
      ['sandpiper docs uplinks.links.connect', 'a part of it'],
      ['sandpiper docs keepAlive', 'keys of that name, wherever they are'],
    ],
  },
  {
    name: 'doctor',
    forms: [{ words: '', what: 'looks for the likely faults of a site and says what to do; ends with 1 when there is one' }],
    options: {
      config: 'the configuration; without it that of the service, where there is one',
      ...STATE,
      socket: 'of the gateway that is asked what it knows, when one runs',
      json: 'for programs: a list of { name, verdict, what, hint }',
      ...ROOT,
    },
    notes: ['It changes nothing and works whether the gateway runs or not, in ten seconds at most. As root it sees more: who holds a port or a line, and the messages of the kernel.'],
    examples: [['sudo sandpiper doctor', 'on a machine with the package or the image'], ['sandpiper doctor --config gateway.yaml', 'for a configuration of one’s own']],
  },
  {
    name: 'support',
    forms: [{ words: '', what: 'one file for whoever helps: how everything is, the log, the configuration without its secrets' }],
    options: { out: 'where it is written; without it, a name with site and time in this folder', config: 'as doctor takes it', ...STATE, socket: 'of the gateway that is asked', ...ROOT },
    notes: ['A .tar.gz of text files, 1 MB at most. When no gateway runs, it holds what can be found without one.'],
    examples: [['sudo sandpiper support', 'then look through it, and send it']],
  },
  {
    name: 'status',
    forms: [{ words: '', what: 'how the gateway of this machine is' }],
    options: ASKS,
    examples: [['sandpiper status', 'of the service']],
  },
  {
    name: 'alarms',
    forms: [
      { words: '', what: 'what is wrong now, and what to do' },
      { words: 'clear NAME', what: 'one is not shown any more until its cause was away and comes again' },
    ],
    places: [['clear'], 'text'],
    options: ASKS,
    examples: [['sandpiper alarms clear sensor-gone/boiler', 'it is known, and somebody is on the way']],
  },
  {
    name: 'clients',
    forms: [
      { words: '', what: 'who is connected' },
      { words: 'kick CLIENT-ID', what: 'disconnects one' },
    ],
    places: [['kick'], 'text'],
    options: { ...ASKS, ...TENANT },
    examples: [['sandpiper clients kick pump-7', 'it may come back at once']],
  },
  {
    name: 'queue',
    forms: [{ words: 'client CLIENT-ID | uplink NAME', what: 'what waits, oldest first' }],
    places: [['client', 'uplink'], 'text'],
    options: { ...ASKS, ...TENANT, limit: 'messages that are shown (20)', drop: 'takes what waits away, N messages at most' },
    examples: [
      ['sandpiper queue uplink cloud --limit 5', 'the five oldest'],
      ['sandpiper queue client pump-7 --drop 12', 'when no more than 12 wait'],
    ],
  },
  {
    name: 'retained',
    forms: [{ words: '[FILTER]', what: 'retained messages' }],
    options: { ...ASKS, ...TENANT, clear: 'clears the retained message of this topic' },
    examples: [["sandpiper retained 'lamp/#'", 'those of the lamps']],
  },
  {
    name: 'uplink',
    forms: [
      { words: '[NAME]', what: 'uplinks, what waits for them, why one is not connected' },
      { words: 'NAME connect|hold|pause|none', what: 'says for a while when one is connected' },
      { words: 'NAME drain', what: 'connects, and waits until all is sent' },
    ],
    places: ['text', ['connect', 'hold', 'pause', 'none', 'drain']],
    options: { ...ASKS, for: 'how long the order holds, in seconds: 900s' },
    examples: [['sandpiper uplink cloud connect --for 900s', 'whatever its schedule says']],
  },
  {
    name: 'pub',
    forms: [{ words: 'TOPIC [PAYLOAD]', what: 'publishes a message, and says when it is safe' }],
    options: { ...ASKS, ...TENANT, qos: '0, 1 (default) or 2', retain: 'it is kept for whoever subscribes later' },
    examples: [['sandpiper pub lamp/set on --retain', '']],
  },
  {
    name: 'sub',
    forms: [{ words: 'FILTER…', what: 'messages as they come' }],
    options: { ...ASKS, ...TENANT },
    examples: [["sandpiper sub 'sensors/#'", 'until Ctrl+C']],
  },
  {
    name: 'config',
    forms: [
      { words: '', what: 'the configuration in force, its secrets hidden' },
      { words: 'check FILE', what: 'what is wrong with another one; `(hidden N)` may stay' },
      { words: 'apply FILE', what: 'tries it: the one before comes back unless this is confirmed within a minute' },
      { words: 'confirm', what: 'keeps what is on trial: the file says so from now on' },
      { words: 'revert', what: 'takes back what is on trial' },
    ],
    places: [['check', 'apply', 'confirm', 'revert'], 'file'],
    options: { ...ASKS, yes: 'confirms it at once, when the gateway runs with it', for: 'how long it is tried: 60s, 5m' },
    notes: ['The file stays as it is until a trial is confirmed. A power cut, or another start of the machine, ends a trial too. Who may log in to the machine (`ssh`) is changed in the file only.'],
    examples: [
      ['sandpiper config > new.yaml', 'to begin with'],
      ['sandpiper config apply new.yaml --for 5m', 'then look whether all is well, and'],
      ['sandpiper config confirm', ''],
    ],
  },
  {
    name: 'logs',
    forms: [{ words: '', what: 'the last lines of the log' }],
    options: { ...ASKS, follow: 'goes on with those that come', level: 'this level and graver ones (info)', limit: 'lines (100)' },
    examples: [['sandpiper logs --level warn --follow', '']],
  },
  {
    name: 'sensors',
    forms: [
      { words: '', what: 'sensors and outputs of the gateway that runs, and how they are' },
      { words: 'watch', what: 'what the sensors of a configuration read, live: of the gateway that runs, or read here where none does' },
      { words: "try 'serial: { … }'", what: 'one entry as it would stand under sensors, read at once; ends with 0 when a reading came' },
    ],
    places: [['watch', 'try'], 'text'],
    options: { ...ASKS, config: 'the configuration that is watched, or whose board and buses an entry is tried with', ...BOARD, for: 'how long, 30s or 5m' },
    examples: [
      ['sandpiper sensors', 'of the service'],
      ['sandpiper sensors watch --config gateway.yaml', 'until Ctrl+C'],
      ["sandpiper sensors try 'serial: { path: /dev/ttyUSB0, baud: 9600 }'", 'before it is written into the file'],
    ],
  },
  {
    name: 'board',
    forms: [{ words: '', what: 'what this machine is and has: GPIO lines and who holds them, serial ports, buses, sensors on them' }],
    options: { config: 'also the boot lines that this configuration needs here', ...BOARD, list: 'the boards that are known', json: 'for programs', ...ROOT },
    examples: [['sandpiper board', ''], ['sandpiper board --config gateway.yaml', '']],
  },
  {
    name: 'access',
    forms: [{ words: 'explain', what: 'what a client may do, and which rule says so; ends with 0 for allowed, 1 for denied' }],
    places: [['explain']],
    options: {
      config: 'the configuration (needed)',
      client: 'its client identifier (needed)',
      user: 'its user name',
      anonymous: 'it has none',
      tenant: 'its tenant',
      role: 'a role that it has; may be given again',
      claim: 'a claim of its token; may be given again',
      publish: 'may it publish to this topic?',
      subscribe: 'may it subscribe to this filter?',
      receive: 'may it be sent messages of this topic?',
      qos: 'at this QoS',
      retain: 'with RETAIN',
    },
    examples: [['sandpiper access explain --config gateway.yaml --client pump-7 --role device --publish sensors/pump-8/flow', '']],
  },
  {
    name: 'passwd',
    forms: [
      { words: 'FILE NAME', what: 'adds a user to a password file or changes its password (asked for, or a line of standard input)' },
      { words: 'FILE', what: 'the users of a password file, and how well each password is kept' },
    ],
    places: ['file', 'text'],
    options: { delete: 'removes the user' },
    examples: [['sandpiper passwd /etc/sandpiper/passwd pump-1', '']],
  },
  {
    name: 'import',
    forms: [{ words: 'FILE', what: 'a Mosquitto configuration as gateway.yaml, and every line that it could not honour' }],
    places: ['file'],
    options: { out: 'where gateway.yaml is written, with the files that belong to it; without it, standard output' },
    examples: [['sandpiper import /etc/mosquitto/mosquitto.conf --out gateway.yaml', '']],
  },
  {
    name: 'unpack',
    forms: [
      { words: '', what: 'frames at a broker become the messages in them, at the same broker or another' },
      { words: 'FILE…', what: 'the messages of frames in files, as lines of JSON' },
    ],
    places: ['file'],
    options: {
      from: 'the broker that has the frames',
      to: 'where the messages go; without it, the same',
      topic: 'of the frames (sandpiper/+/frames); may be given again',
      state: 'folder for what waits (./unpacked)',
      qos: 'of the messages (2)',
      'client-id': 'client identifier (sandpiper-unpack)',
      user: 'at --from',
      'password-file': 'file with its password',
      ca: 'certificate authorities to trust instead of the system’s (PEM)',
      'to-user': 'at --to',
      'to-password-file': 'file with its password',
      'to-ca': 'certificate authorities to trust at --to',
    },
    examples: [['sandpiper unpack --from mqtts://broker.example.com --user unpack --password-file FILE --state /var/lib/unpack', 'beside a broker']],
  },
  {
    name: 'backup',
    forms: [{ words: 'FILE', what: 'the store as it is now, in one file, while the gateway runs or while it does not' }],
    places: ['file'],
    options: { socket: 'of the gateway that is asked', config: 'of the gateway whose store it is', ...STATE },
    examples: [['sudo sandpiper backup /media/usb/well-07.backup', '']],
  },
  {
    name: 'restore',
    forms: [{ words: 'FILE', what: 'checks a backup, and puts it in the place of the store, which is kept' }],
    places: ['file'],
    options: { check: 'only checks it', 'other-site': 'also one of another site', socket: 'of the gateway that is asked', config: 'of the gateway whose store it is', ...STATE },
    examples: [['sudo sandpiper restore /media/usb/well-07.backup', 'a gateway that runs starts itself anew']],
  },
  {
    name: 'update',
    forms: [
      { words: 'status', what: 'what is installed, what is on trial, and what became of the last update (image only, as are the next two)' },
      { words: 'install FILE|URL', what: 'an application package or the bundle of a root; ends with 0 when it is installed and on trial' },
      { words: 'rollback', what: 'back to what ran before' },
    ],
    places: [['status', 'install', 'rollback'], 'file'],
    options: { json: 'for programs', config: 'for the two that only units start (work, mark-good): the configuration' },
    examples: [['sudo sandpiper update install sandpiper-1.2.0.sandpiper', '']],
  },
  {
    name: 'apply',
    forms: [{ words: '', what: 'on the image: network, time, host name and SSH keys as gateway.yaml in that folder says' }],
    options: { card: 'folder of gateway.yaml (needed)', state: 'folder of the gateway (needed)', ...ROOT, 'dry-run': 'says what would be done' },
    examples: [['sandpiper apply --card /boot/gateway --state /var/lib/sandpiper --dry-run', '']],
  },
  {
    name: 'configure',
    forms: [{ words: '', what: 'for sandpiper-configure.service: what was confirmed from afar gets into the file' }],
    options: { config: 'the file, or', card: 'the folder of gateway.yaml on the image', state: 'folder of the gateway (needed)', ...ROOT },
    examples: [['sandpiper configure --config /etc/sandpiper/gateway.yaml --state /var/lib/sandpiper', '']],
  },
  {
    name: 'card',
    forms: [{ words: '', what: 'on the image: STATUS.txt beside gateway.yaml says how the gateway is; secrets that have worked leave the file' }],
    options: { card: 'folder of gateway.yaml (needed)', state: 'folder of the gateway (needed)', ...ROOT, 'dry-run': 'prints STATUS.txt' },
    examples: [['sandpiper card --card /boot/gateway --state /var/lib/sandpiper --dry-run', '']],
  },
  {
    name: 'default',
    forms: [{ words: '', what: 'the configuration that run takes without a file' }],
    examples: [['sandpiper default > gateway.yaml', 'to begin with']],
  },
  {
    name: 'schema',
    forms: [{ words: '', what: 'JSON Schema of gateway.yaml, for editors' }],
    examples: [['sandpiper schema > gateway.schema.json', '']],
  },
  {
    name: 'completion',
    forms: [{ words: 'bash|zsh|fish', what: 'what makes that shell complete these commands' }],
    places: [['bash', 'zsh', 'fish']],
    notes: ['The Debian package has it installed already.'],
    examples: [
      ['source <(sandpiper completion bash)', 'in ~/.bashrc'],
      ['sandpiper completion fish > ~/.config/fish/completions/sandpiper.fish', ''],
    ],
  },
  {
    name: 'help',
    forms: [{ words: '[COMMAND]', what: 'this, or all of one command' }],
    examples: [['sandpiper help doctor', 'the same as sandpiper doctor --help']],
  },
]

export function commandNamed(name: string): Command | null {
  return COMMANDS.find((command) => command.name === name) ?? null
}

export function optionsOf({ options = {} }: Command): readonly (readonly [name: OptionName, what: string])[] {
  return Object.entries(options) as [OptionName, string][]
}

export function formOf(name: OptionName): OptionForm {
  return OPTIONS[name]
}

/** `--config FILE`, `-c` in front where there is one. */
export function optionText(name: OptionName): string {
  const { short, value } = formOf(name)
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}

export function kindOf(name: OptionName): Kind | null {
  const { value, kind = 'text' } = formOf(name)
  return value === undefined ? null : kind
}
