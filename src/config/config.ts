// The shape of a checked configuration. Everything has its default filled in, units are in the names, `{site}` is replaced,
// and the whole is frozen. Made by config/load.ts only.
import type { TokenAlgorithm, VerificationKey } from '../keys/verification-keys.ts'
import type { AlarmsConfig } from './alarm-schema.ts'
import type { BoardConfig } from './board-config.ts'
import type { OutputConfig } from './gpio-config.ts'
import type { DiscoveryConfig } from './discovery-schema.ts'
import type { HistoryConfig } from './history-config.ts'
import type { HttpConfig } from './http-config.ts'
import type { MachineConfig } from './machine-config.ts'
import type { BusConfig } from './modbus-config.ts'
import type { RemoteConfig } from './remote-config.ts'
import type { AnnounceConfig, DeadbandConfig, SensorConfig } from './sensor-config.ts'
import type { UpdateConfig } from './update-schema.ts'

export type { AlarmsConfig } from './alarm-schema.ts'
export type * from './board-config.ts'
export type * from './gpio-config.ts'
export type * from './history-config.ts'
export type * from './http-config.ts'
export type * from './machine-config.ts'
export type * from './modbus-config.ts'
export type * from './remote-config.ts'
export type * from './sensor-config.ts'
export type { DiscoveryConfig } from './discovery-schema.ts'
export type { UpdateConfig } from './update-schema.ts'

export interface Config extends MachineConfig {
  readonly site: string
  readonly broker: BrokerConfig
  readonly access: AccessConfig
  readonly tenants: readonly TenantConfig[]
  readonly store: StoreConfig
  readonly board: BoardConfig
  readonly buses: readonly BusConfig[]
  readonly sensors: readonly SensorConfig[]
  readonly outputs: readonly OutputConfig[]
  readonly announce: AnnounceConfig
  readonly uplinks: readonly UplinkConfig[]
  readonly alarms: AlarmsConfig
  readonly http: HttpConfig
  readonly discovery: DiscoveryConfig
  /** null: nothing is kept. */
  readonly history: HistoryConfig | null
  readonly update: UpdateConfig
  readonly remote: RemoteConfig
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' }
}

export type ListenerConfig = PortListenerConfig | SocketListenerConfig

interface ListenerCommon {
  readonly anonymous: boolean
  /** Whoever comes by it is in this tenant; '' leaves it to who the client is. */
  readonly tenant: string
  /** MQTT over WebSocket, at these paths only; null for MQTT itself. */
  readonly websocket: WebSocketConfig | null
  /** What this listener says for itself; the broker's limits hold for the rest. */
  readonly limits: Partial<ListenerLimits>
}

/** For an uplink over TLS. */
export interface UplinkTlsConfig {
  /** PEM to trust instead of the system's authorities, empty when it could not be read and nothing may be trusted. */
  readonly ca: Buffer | null
  /** The gateway's own certificate and its private key (PEM), for a remote that asks who comes; null when it shows none. */
  readonly identity: { readonly cert: Buffer; readonly key: Buffer } | null
  readonly servername: string | null
  /** The protocol that is named in the handshake (ALPN, RFC 7301); null for none. */
  readonly alpn: string | null
  readonly versionMax: 'TLSv1.2' | 'TLSv1.3'
}

export interface PortListenerConfig extends ListenerCommon {
  readonly kind: 'port'
  readonly port: number
  readonly host: string
  readonly tls: TlsConfig | null
  readonly proxyProtocol: { readonly from: readonly NetworkConfig[] } | null
}

export interface SocketListenerConfig extends ListenerCommon {
  readonly kind: 'socket'
  readonly path: string
  /** Permission bits of the socket file. */
  readonly mode: number
}

/** Files, not their contents: they are read again when they have changed. */
export interface TlsConfig {
  readonly keyFile: string
  readonly certFile: string
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Clients are asked for a certificate; null when they are not. */
  readonly clients: ClientCertificatesConfig | null
}

export interface ClientCertificatesConfig {
  /** The authorities whose certificates are taken (PEM). */
  readonly caFile: string
  /** Lists of revoked certificates (PEM); null for none. */
  readonly crlFile: string | null
  readonly need: 'required' | 'optional'
  /** Which part of a certificate is the identity; of several of a kind the first. */
  readonly user: 'cn' | 'subject' | 'dns' | 'uri' | 'email'
  /** The first that matches decides, and without a match the client is refused; null: the identity is the user name. */
  readonly map: readonly CertificateRuleConfig[] | null
}

export interface CertificateRuleConfig {
  /** Matches the identity as a whole. */
  readonly match: RegExp
  /** `{name}` stands for what the group of that name matched; null for the identity as it is. */
  readonly user: string | null
  readonly tenant: string
  readonly roles: readonly string[]
}

export interface WebSocketConfig {
  readonly paths: readonly string[]
}

/** An address, or all that share its first `prefix` bits. */
export interface NetworkConfig {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** How a password is kept: as it is, or as a hash in one of Mosquitto's formats. */
export type PasswordConfig =
  | { readonly kind: 'plain'; readonly password: Buffer }
  /** `$7$`: PBKDF2-HMAC-SHA512. */
  | { readonly kind: 'pbkdf2-sha512'; readonly iterations: number; readonly salt: Buffer; readonly hash: Buffer }
  /** `$6$`: SHA-512 of password and salt. */
  | { readonly kind: 'sha512'; readonly salt: Buffer; readonly hash: Buffer }
  /** `$argon2id$` */
  | { readonly kind: 'argon2id'; readonly memoryKiB: number; readonly passes: number; readonly parallelism: number; readonly salt: Buffer; readonly hash: Buffer }

export interface UserConfig {
  readonly name: string
  /** null: the user proves itself by a certificate or a token, or its password could not be read and the gateway had to come up all the same. */
  readonly password: PasswordConfig | null
  /** '' for the gateway's own. */
  readonly tenant: string
  readonly roles: readonly string[]
}

/** An issuer of JSON Web Tokens (RFC 7519) that is trusted, and what its claims mean here. Claims are named by path: `realm_access.roles`. */
export interface TokenConfig {
  /** What `iss` must be; null where one issuer is trusted only, and its tokens need not say. */
  readonly issuer: string | null
  /** One of these must be in `aud`; null for any audience. */
  readonly audiences: readonly string[] | null
  readonly keys: TokenKeysConfig
  /** All that are accepted; each with the kind of key it belongs to only. */
  readonly algorithms: readonly TokenAlgorithm[]
  readonly clockToleranceMs: number
  readonly username: string
  readonly tenant: string | null
  readonly roles: readonly string[]
  /** `realm_access.roles`, and the roles of a client, are roles too. */
  readonly keycloak: { readonly client: string | null } | null
  readonly scopes: { readonly claim: string; readonly prefix: string } | null
  readonly permissions: string | null
}

export type TokenKeysConfig =
  /** `ca`: PEM to trust instead of the system's authorities, empty when it could not be read and nothing may be trusted. */
  | { readonly kind: 'url'; readonly url: URL; readonly refreshMs: number; readonly ca: Buffer | null }
  /** Empty when they could not be read and the gateway had to come up all the same: its tokens are refused. */
  | { readonly kind: 'fixed'; readonly keys: readonly VerificationKey[] }

export interface AccessConfig {
  /** false: a file could not be read, and the gateway had to come up all the same. Users may be missing. */
  readonly isWhole: boolean
  /** By name, each once: those of gateway.yaml and of the password file. */
  readonly users: readonly UserConfig[]
  /** By issuer, each once. */
  readonly tokens: readonly TokenConfig[]
  /** Asked in this order: the first layer with a rule for a case decides it; in a layer deny before allow. Empty: everybody may do everything. */
  readonly rules: readonly (readonly RuleConfig[])[]
}

export type Verb = 'publish' | 'receive' | 'subscribe'

/** Whom a rule is about: everybody to whom all that is given applies; null is not given. */
export interface WhoConfig {
  readonly users: readonly string[] | null
  readonly roles: readonly string[] | null
  readonly clientIds: readonly string[] | null
  readonly tenants: readonly string[] | null
  /** true: only clients without a user; false: only those with one. */
  readonly anonymous: boolean | null
}

export interface RuleConfig {
  readonly effect: 'allow' | 'deny'
  readonly verbs: readonly Verb[]
  /** `{clientId}`, `{username}`, `{tenant}` and `{claims.NAME}` stand for what is known of the client. */
  readonly filter: string
  readonly who: WhoConfig
  /** Only at these; null for all. For publish and subscribe. */
  readonly qos: readonly (0 | 1 | 2)[] | null
  /** Only with RETAIN as said; null for both. For publish. */
  readonly retain: boolean | null
  /** For people: `gateway.yaml line 12`. */
  readonly where: string
}

/** Limits of a listener and of each of its connections. */
export interface ListenerLimits {
  readonly connectionsMax: number
  /** Connections of one address at once. */
  readonly connectionsPerAddressMax: PerAddress
  /** New connections of one address in any minute. */
  readonly connectionsPerMinuteMax: PerAddress
  readonly connectTimeoutMs: number
  /** The first packet, before anyone is known: never more than `packetBytesMax`. */
  readonly connectBytesMax: number
  readonly packetBytesMax: number
  /** Of topic names and of topic filters, in UTF-8. */
  readonly topicBytesMax: number
  readonly topicLevelsMax: number
  /** Keep Alive that a client gets at most; Infinity for as long as it wants. */
  readonly keepAliveSecMax: number
  /** PUBLISH packets of one client in any second before reading from it waits; Infinity for no limit. */
  readonly publishesPerSecondMax: number
  /** Unacknowledged QoS 1/2 messages a client may send (Receive Maximum), and that are sent to it at most. */
  readonly receiveMaximum: number
  readonly topicAliasMaximum: number
  readonly subscriptionsPerClientMax: number
  /** Bytes waiting in a connection's output before its QoS 0 messages are held back. */
  readonly outputBytesMax: number
}

/** A limit for each address of other machines, and for each of this machine (loopback, unix socket). Infinity for none. */
export interface PerAddress {
  readonly remote: number
  readonly local: number
}

export interface BrokerConfig extends ListenerLimits {
  readonly listeners: readonly ListenerConfig[]
  readonly retainedMessagesMax: number
  readonly retainedBytesMax: number
  /** Sessions ask for an expiry; they get this at most. */
  readonly sessionExpirySecMax: number
  readonly sessionsMax: number
  readonly sessionQueue: QueueConfig
  readonly sysIntervalMs: number
}

/** A space of its own for some clients, and what it may take. */
export interface TenantConfig {
  readonly name: string
  readonly onlineMax: number
  readonly sessionsMax: number
  readonly sessionExpirySecMax: number
  readonly sessionQueue: QueueConfig
  readonly retainedMessagesMax: number
  readonly retainedBytesMax: number
  /** All its clients together; Infinity for no limit. */
  readonly publishesPerSecondMax: number
}

export interface QueueConfig {
  readonly bytesMax: number
  readonly countMax: number
  readonly ageMsMax: number
  readonly whenFull: WhenFullConfig
}

/** What goes first when a queue is full. keep-latest: all but the last of each topic; thin: all but every n-th of each topic. */
export type WhenFullConfig = 'drop-oldest' | 'drop-newest' | 'keep-latest' | { readonly thin: number }

export interface StoreConfig {
  readonly path: string
  readonly commitWindowMs: number
  /** To be written to flash in a day; Infinity where that does not matter. */
  readonly dailyBytesMax: number
  readonly bytesMax: number
}

export interface RouteConfig {
  readonly direction: 'out' | 'in'
  /** Whose local topics these are. */
  readonly tenant: string
  /** Topic filter on the side the messages come from: local for out, remote for in. */
  readonly from: string
  /** Where they go: the same wildcards in the same order, other levels around them. */
  readonly to: string
  /** Every message of the route is carried over the link at this QoS, QoS 0 ones too: most small clients can publish nothing else. */
  readonly qos: 0 | 1 | 2
  /** Carry a message's RETAIN flag over the link; false always clears it. */
  readonly retain: boolean
  /** Name of one of the uplink's classes. For out. */
  readonly class: string
  /** Messages travel together in frames (uplink/FRAME.md); null: each as a PUBLISH of its own. For out. */
  readonly batch: BatchConfig | null
  /** Which messages are worth carrying; null for all. For out. */
  readonly only: PayloadFilterConfig | null
  /** The messages are commands, and the cloud hears what became of each; null for ordinary messages. For in. */
  readonly command: CommandConfig | null
  /** The messages are frames of another gateway: what is in them is published. For in. */
  readonly unpack: boolean
}

/** When a frame is due, and how large it may get. The first of the three bounds that is reached counts. */
export interface BatchConfig {
  readonly everyMs: number
  readonly readingsMax: number
  readonly bytesMax: number
  /** Remote topic that the frames go to. Routes with the same class and topic share their frames. */
  readonly topic: string
}

/** Judged for each topic by itself, against the last message that was carried. */
export interface PayloadFilterConfig {
  /** Not when the payload is the same, byte for byte. */
  readonly onChange: boolean
  /** Not while every number of the payload is within this of what was carried; null for no deadband. */
  readonly deadband: DeadbandConfig | null
  /** Not sooner than this after the one before; 0 for no such bound. */
  readonly intervalMsMin: number
  /** Carried all the same when nothing was for so long; Infinity for never. */
  readonly silenceMsMax: number
}

export interface CommandConfig {
  /** Remote topic for what became of a command; null: the Response Topic that it names. */
  readonly reply: string | null
  /** A command without an expiry of its own is dropped when nobody has taken it for so long; Infinity for never. */
  readonly expiryMs: number
}

/** Messages of one worth: they share a queue on flash, a rank and a part of the link. */
export interface ClassConfig {
  readonly name: string
  /** 1 goes first. */
  readonly priority: number
  /** Part of the link's bytes it gets even while higher ranks have something to send, 0 to 1. */
  readonly share: number
  readonly queue: QueueConfig
}

/** One way to the remote broker. */
export interface LinkConfig {
  readonly name: string
  /** Network interface the connection leaves by; null leaves it to the system. What a dial command brings up is used where it says so. */
  readonly interface: string | null
  /** Classes that may use it; null for all. */
  readonly classes: readonly string[] | null
  readonly connect: ConnectConfig
  readonly dial: DialConfig | null
  readonly budget: BudgetConfig | null
  /** A dearer link is left when this one has been there for so long. */
  readonly stableMs: number
  readonly keepAlive: KeepAliveConfig
  /** Messages of a satellite modem instead of a connection; null for MQTT. */
  readonly sbd: SbdConfig | null
}

/** A silent link is asked for a sign of life this often, 0 for never; with `min` < `max` it finds out what the network allows. */
export interface KeepAliveConfig {
  readonly minSec: number
  readonly maxSec: number
}

export type ConnectConfig =
  | { readonly kind: 'always' }
  /** When any of them says so; and it ends `idleMs` after everything has been sent. */
  | {
      readonly kind: 'when'
      /** So many messages wait; null: their number does not matter. */
      readonly queued: number | null
      /** Something of these classes waits. */
      readonly classes: readonly string[]
      /** At these times, whether anything waits or not. */
      readonly schedule: CronConfig | null
      /** Something waits, and it is in one of these times of day; the connection ends with it. */
      readonly windows: readonly WindowConfig[]
      /** Something waits, and a satellite can be reached, by this file of their passes; the connection ends with the pass. */
      readonly passesFile: string | null
      readonly idleMs: number
    }

/** Five fields as in crontab(5), each the set of values that match. */
export interface CronConfig {
  readonly text: string
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly daysOfMonth: readonly number[]
  readonly months: readonly number[]
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[]
  /** Both day fields are restricted: either may match, as crontab(5) says. */
  readonly eitherDay: boolean
}

/** Minutes of the day in local time; `to` before `from` reaches over midnight. */
export interface WindowConfig {
  readonly fromMinute: number
  readonly toMinute: number
  /** Days it starts on, 0 is Sunday. */
  readonly days: readonly number[]
}

export type DialConfig = {
  /** For the line to come up. */
  readonly timeoutMs: number
  /** Bytes one attempt may cost until the remote broker has answered; it is broken off then. Infinity for no ceiling. */
  readonly attemptBytesMax: number
} & (
  /** A command that brings the line up and ends, or (`stays`) stays while it is up. Without a shell. */
  | { readonly kind: 'command'; readonly up: readonly string[]; readonly down: readonly string[] | null; readonly stays: boolean; readonly interface: string | null }
  /** `pppd call PEER` */
  | { readonly kind: 'pppd'; readonly peer: string }
  /** A connection of NetworkManager, which ModemManager brings up. */
  | { readonly kind: 'modem'; readonly connection: string }
  /** `ip link set IF up`, or only waited for when it belongs to someone else. */
  | { readonly kind: 'interface'; readonly interface: string; readonly waits: boolean }
)

/** Bytes on the wire, both directions, all overhead included. */
export interface BudgetConfig {
  readonly dayBytes: number
  readonly monthBytes: number
  /** Day of the month that a new month begins on. */
  readonly billingDay: number
  /** The last part of each budget is for one class only; null for nobody. */
  readonly reserve: { readonly class: string; readonly share: number } | null
  /** All that goes over the link's interface, or what this uplink's connections cost; auto: the first where the interface is a modem or a dial-up line. */
  readonly counts: 'auto' | 'interface' | 'connection'
}

/** An Iridium modem that takes AT commands. */
export interface SbdConfig {
  readonly path: string
  readonly baud: number
  /** Flow control by RTS and CTS; false: none. */
  readonly hardwareFlow: boolean
  /** Bytes of one message up; 340 for the 9602 and 9603, 1960 for the 9522. */
  readonly bytesMax: number
  /** Signal bars (0 to 5) before a session is tried: a failed one costs power and sometimes credit. */
  readonly signalMin: number
  /** The modem is asked for messages down this often without anything to send; Infinity for when it rings only. */
  readonly checkMs: number
}

export interface UplinkConfig {
  readonly name: string
  /** null where every link is a modem for short messages. */
  readonly url: URL | null
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** Path of a WebSocket; null for MQTT over TCP or TLS. */
  readonly websocketPath: string | null
  /** permessage-deflate on a WebSocket. */
  readonly compress: boolean
  /** The link costs by the byte: nothing of `$SYS/` goes over it. */
  readonly metered: boolean
  readonly tlsOptions: UplinkTlsConfig
  readonly clientId: string
  readonly username: string | null
  readonly password: Buffer | null
  readonly version: 4 | 5
  readonly connectTimeoutMs: number
  /** Unacknowledged messages on the link at most; the remote's Receive Maximum lowers it. */
  readonly inflightMax: number
  /** Remote topic with the retained state of this gateway, `offline` by its will; null for none. */
  readonly stateTopic: string | null
  readonly backoff: { readonly minMs: number; readonly maxMs: number }
  readonly routes: readonly RouteConfig[]
  /** By priority, highest first; every route's is among them. */
  readonly classes: readonly ClassConfig[]
  /** Cheapest first, one at least. */
  readonly links: readonly LinkConfig[]
}
