// What the bench may ask of the load generator's process, and what it gets back. One job at a time, over IPC.
import type { User } from '../wire.ts'

/** Closed loop, as fast as the broker goes. Counts deliveries between `warmMs` and `warmMs + runMs`. */
export interface FlowJob {
  readonly kind: 'flow'
  readonly port: number
  readonly brokerPid: number
  readonly qos: 0 | 1
  readonly publishers: number
  readonly subscribers: number
  /** The subscriber's session survives its connection: clean session = 0. */
  readonly persistent: boolean
  /** QoS 1: unacknowledged messages of each publisher. */
  readonly window: number
  /** Messages of one publisher on their way to the subscribers, at most: what a queue in the broker can hold. */
  readonly outstanding: number
  /** Messages in one write, where the window allows it. */
  readonly batch: number
  /** The publishers are devices that log in and have topics of their own; left out: nobody logs in, and each has one. */
  readonly devices?: Devices
  readonly warmMs: number
  readonly runMs: number
}

export interface Devices {
  readonly user: User
  /** Of each device, in turn: `batch` of them at most; or another one for every message. */
  readonly topics: number | 'new'
}

export interface FlowResult {
  readonly deliveriesPerSec: number
  readonly loadCpu: number
  readonly brokerCpu: number
  readonly faults: string[]
}

/** Open loop at a fixed rate, ten publishers in turn. Latencies count from the moment a message was due. */
export interface PacedJob {
  readonly kind: 'paced'
  readonly port: number
  readonly qos: 0 | 1
  readonly perSec: number
  /** `offline`: the session exists and nobody is connected. */
  readonly subscriber: 'online' | 'offline'
  readonly persistent: boolean
  readonly warmMs: number
  readonly runMs: number
  /** Counts what is written: to the disk of `folder`, and by the process. Watches for `idleMs` first, to take off what is written anyway. */
  readonly writes: { readonly brokerPid: number; readonly folder: string; readonly idleMs: number } | null
}

export interface Quantiles {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

export interface PacedResult {
  readonly delivery: Quantiles | null
  readonly ack: Quantiles | null
  /** How late the generator itself sent; part of the latencies above. */
  readonly late: Quantiles
  /** Bytes per message. */
  readonly writes: { readonly disk: number; readonly calls: number } | null
  readonly faults: string[]
}

/** Makes a persistent session with one QoS 1 subscription and leaves. */
export interface SessionJob {
  readonly kind: 'session'
  readonly port: number
}

/** QoS 1 messages into that session, until all are acknowledged or, `untilClosed`, until the broker is gone. */
export interface FillJob {
  readonly kind: 'fill'
  readonly port: number
  readonly publishers: number
  readonly window: number
  readonly perPublisher: number
  readonly untilClosed: boolean
}

export interface FillResult {
  readonly perSec: number
  /** Per publisher: the first so many messages were acknowledged, and so many were sent. */
  readonly acked: number[]
  readonly sent: number[]
  readonly faults: string[]
}

/** The session comes back and takes everything. `atLeast` and `sent` per publisher. */
export interface DrainJob {
  readonly kind: 'drain'
  readonly port: number
  readonly atLeast: number[]
  /** The broker was killed: the tail beyond `atLeast` may be missing, and a message may come twice. */
  readonly afterCrash: boolean
}

export interface DrainResult {
  readonly perSec: number
  readonly received: number
  readonly missing: number
  readonly duplicates: number
  readonly sessionPresent: boolean
  readonly faults: string[]
}

/** Opens connections until there are `count`, and keeps them until the process ends. */
export interface IdleJob {
  readonly kind: 'idle'
  readonly port: number
  readonly count: number
  readonly tls: boolean
}

/** Opens so many connections, `atOnce` of them on their way at a time, and closes them when all are there. */
export interface ConnectJob {
  readonly kind: 'connect'
  readonly port: number
  readonly brokerPid: number
  readonly count: number
  readonly atOnce: number
}

export interface ConnectResult {
  readonly perSec: number
  readonly loadCpu: number
  readonly brokerCpuSec: number
}

/** Makes `count` persistent sessions with one subscription each, and leaves. */
export interface LeaveJob {
  readonly kind: 'leave'
  readonly port: number
  readonly count: number
}

/** The clients of those sessions all connect at once. */
export interface ReturnJob {
  readonly kind: 'return'
  readonly port: number
  readonly count: number
}

export interface ReturnResult {
  /** Until the last has its CONNACK. */
  readonly ms: number
  readonly faults: string[]
}

/** A healthy client publishes to itself from now on, until 'beside-stop' asks how it went. */
export interface BesideJob {
  readonly kind: 'beside'
  readonly port: number
}

export interface BesideStopJob {
  readonly kind: 'beside-stop'
}

export interface BesideResult {
  readonly trip: Quantiles
  readonly faults: string[]
}

/** Connections that send CONNECT at one byte a second, and some that fall silent after it; watched for `watchMs`. */
export interface SlowJob {
  readonly kind: 'slow'
  readonly port: number
  readonly dribbling: number
  readonly silent: number
  /** Of the silent ones. */
  readonly keepAliveSec: number
  readonly watchMs: number
}

interface Closed {
  /** Connections the broker has not closed. */
  readonly left: number
  /** When it closed the last of the others, from their start; NaN for none. */
  readonly lastClosedMs: number
}

export interface SlowResult {
  readonly dribbling: Closed
  readonly silent: Closed
}

/** Does a message of a client without a user reach it? Tried until it is as `expected`, for some seconds. */
export interface MayJob {
  readonly kind: 'may'
  readonly port: number
  readonly expected: boolean
}

/** One client sends another QoS 0 messages at a steady pace (open loop, latencies from when a message was due), while others log in and leave. */
export interface LoginsJob {
  readonly kind: 'logins'
  readonly port: number
  readonly brokerPid: number
  readonly runMs: number
  readonly tripsPerSec: number
  readonly loginsPerSec: number
  /** Each of them logs in once, in turn; null: nobody says who it is. */
  readonly users: readonly User[] | null
  /** Their passwords are wrong. */
  readonly wrong: boolean
  /** Loopback addresses that they come from in turn, `each`: every one from another; null: from 127.0.0.1, as everybody else. */
  readonly addresses: number | 'each' | null
  /** These have the right password and come from 127.0.0.1 meanwhile, in turn and in equal distances. */
  readonly guests: readonly User[]
}

export interface LoginsResult {
  readonly trip: Quantiles
  /** How late the generator itself sent; part of the trips. */
  readonly late: Quantiles
  readonly storm: Answers
  readonly guests: Answers
  readonly brokerCpu: number
  readonly loadCpu: number
  readonly faults: string[]
}

export interface Answers {
  readonly accepted: number
  readonly refused: number
  /** Closed by the broker without a CONNACK. */
  readonly closed: number
  /** Neither accepted nor refused when it was over. */
  readonly waiting: number
  /** From when it was due to its CONNACK; those without one left out. */
  readonly answer: Quantiles
}

export interface Results {
  flow: FlowResult
  paced: PacedResult
  session: null
  fill: FillResult
  drain: DrainResult
  idle: null
  connect: ConnectResult
  leave: null
  return: ReturnResult
  beside: null
  'beside-stop': BesideResult
  slow: SlowResult
  logins: LoginsResult
  /** Whether it came to be as expected. */
  may: boolean
}

export type Job = FlowJob | PacedJob | SessionJob | FillJob | DrainJob | IdleJob | ConnectJob | LeaveJob | ReturnJob | BesideJob | BesideStopJob | SlowJob | LoginsJob | MayJob
export type ResultOf<J extends Job> = Results[J['kind']]
export type Reply = { readonly result: Results[keyof Results] } | { readonly error: string }

/** Client id of the one persistent session, shared by the jobs that make, fill and drain it. */
export const SESSION_ID = 'bench-session'
