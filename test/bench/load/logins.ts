// A storm of logins, and a pair of clients that feels it: one sends the other QoS 0 messages at a steady pace, and each of them counts
// from when it was due (see paced.ts, which turns as this does).
//
// All of it is one loop in one process: on a machine with two cores, two of them would take the load's core from each other, and the
// trips would measure that. What the storm costs this loop is in `late`. Logins come at random times, a given number in a second on the
// average: at a steady pace they would always come between the same two messages.

import { connect, type Socket } from 'node:net'
import { usageOf } from '../machine.ts'
import { connectPacket, DISCONNECT, topicOf, type User } from '../wire.ts'
import { Client } from './client.ts'
import type { Answers, LoginsJob, LoginsResult } from './jobs.ts'
import { openPublishers } from './publisher.ts'
import { quantilesOf } from './quantiles.ts'
import { Subscriber } from './subscriber.ts'
import { settled } from './wait.ts'

const NOT_YET = -1
const CONNACK_BYTES = 4

export async function logIn(job: LoginsJob): Promise<LoginsResult> {
  const subscriber = await Client.open((socket) => new Subscriber(socket, 1), { port: job.port, clientId: 'beside', clean: true })
  await subscriber.subscribe(topicOf(0), 0)
  const publisher = (await openPublishers(job.port, 1, 0, 1))[0]!

  const stepMs = 1000 / job.tripsPerSec
  const total = Math.round(job.runMs / stepMs)
  const tripsMs = new Float64Array(total).fill(NOT_YET)
  const lateMs = new Float64Array(total).fill(NOT_YET)
  const storm = new Visitors(job.port, stormOf(job), job.runMs)
  const guests = new Visitors(job.port, job.guests.map((user, i) => ({ packet: connectPacket(`guest-${i}`, true, undefined, user), address: null })), job.runMs)

  const sample = () => ({ at: performance.now(), load: process.cpuUsage(), broker: usageOf(job.brokerPid) })
  const before = sample()
  const start = performance.now() + 20
  subscriber.onMessage = (_publisher, sequence) => (tripsMs[sequence] = performance.now() - (start + sequence * stepMs))
  const over = Promise.withResolvers<void>()
  let next = 0
  const turn = (): void => {
    for (const now = performance.now(); next < total && start + next * stepMs <= now && !publisher.blocked; next++) {
      lateMs[next] = performance.now() - (start + next * stepMs)
      publisher.send(1)
    }
    storm.come(start)
    guests.come(start)
    if (performance.now() - start >= job.runMs || publisher.closed) over.resolve()
    else setImmediate(turn)
  }
  turn()
  await over.promise
  const after = sample()
  const answers = { storm: storm.answers(), guests: guests.answers() }
  await settled(() => subscriber.check.received >= publisher.sent, () => subscriber.check.received)

  const faults = subscriber.check.faults([publisher.sent], 'the pair beside')
  for (const client of [publisher, subscriber]) if (client.closed) faults.push('the broker closed a connection of the pair beside')
  if (job.wrong && storm.accepted > 0) faults.push(`${storm.accepted} logins with a wrong password were accepted`)
  storm.end()
  guests.end()
  await Promise.all([publisher.end(), subscriber.end()])
  const sec = (after.at - before.at) / 1000
  return {
    trip: quantilesOf(tripsMs.filter((ms) => ms !== NOT_YET)),
    late: quantilesOf(lateMs.filter((ms) => ms !== NOT_YET)),
    ...answers,
    brokerCpu: (after.broker.cpuSec - before.broker.cpuSec) / sec,
    loadCpu: (after.load.user + after.load.system - before.load.user - before.load.system) / 1e6 / sec,
    faults,
  }
}

interface Visitor {
  readonly packet: Buffer
  /** null: the system's choice. */
  readonly address: string | null
}

function stormOf({ users, wrong, addresses, loginsPerSec, runMs }: LoginsJob): Visitor[] {
  const count = Math.round((loginsPerSec * runMs) / 1000)
  return Array.from({ length: count }, (_, i) => {
    const user = users === null ? null : userAt(users, i)
    const packet = connectPacket(`login-${i}`, true, undefined, user !== null && wrong ? { name: user.name, password: `${user.password}?` } : user)
    return { packet, address: addressAt(addresses, i) }
  })
}

function userAt(users: readonly User[], i: number): User {
  return users[i] ?? bad(`${users.length} users are not enough: each logs in once`)
}

/** From 127.0.0.2 on, and all over 127.1.0.0/16. */
function addressAt(addresses: LoginsJob['addresses'], i: number): string | null {
  if (addresses === null) return null
  return addresses === 'each' ? `127.1.${i >> 8}.${i & 255}` : `127.0.0.${2 + (i % addresses)}`
}

function bad(why: string): never {
  throw new Error(why)
}

/** Clients that come at random times of `runMs`: TCP, CONNECT, CONNACK, and DISCONNECT where they are let in. */
class Visitors {
  accepted = 0
  #refused = 0
  #closed = 0
  #begun = 0
  readonly #port: number
  readonly #visitors: readonly Visitor[]
  readonly #dueMs: Float64Array
  readonly #answerMs: number[] = []
  readonly #open = new Set<Socket>()
  /** One for all: a CONNACK is looked at before anything else is read. */
  readonly #into = Buffer.alloc(64)

  constructor(port: number, visitors: readonly Visitor[], runMs: number) {
    this.#port = port
    this.#visitors = visitors
    this.#dueMs = Float64Array.from(visitors, () => Math.random() * runMs).sort()
  }

  /** Those whose time it is. */
  come(start: number): void {
    while (this.#begun < this.#visitors.length && start + this.#dueMs[this.#begun]! <= performance.now()) {
      this.#enter(this.#visitors[this.#begun]!, start + this.#dueMs[this.#begun]!)
      this.#begun++
    }
  }

  #enter({ packet, address }: Visitor, dueMs: number): void {
    let answered = false
    const socket: Socket = connect({
      port: this.#port,
      host: '127.0.0.1',
      noDelay: true,
      ...(address === null ? {} : { localAddress: address }),
      onread: {
        buffer: this.#into,
        callback: (n) => {
          if (answered || n < CONNACK_BYTES || this.#into[0] !== 0x20) return true
          answered = true
          this.#answerMs.push(performance.now() - dueMs)
          if (this.#into[3] === 0) {
            this.accepted++
            socket.end(DISCONNECT)
          } else {
            this.#refused++
            socket.end()
          }
          return true
        },
      },
    })
    this.#open.add(socket)
    socket.write(packet)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#open.delete(socket)
      if (!answered) this.#closed++
    })
  }

  /** As of now, when the time is over. */
  answers(): Answers {
    return {
      accepted: this.accepted,
      refused: this.#refused,
      closed: this.#closed,
      waiting: this.#begun - this.accepted - this.#refused - this.#closed,
      answer: quantilesOf(Float64Array.from(this.#answerMs)),
    }
  }

  end(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
