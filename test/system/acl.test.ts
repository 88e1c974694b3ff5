// One ACL file, the same clients, and a real Mosquitto beside the gateway: what is accepted and what is delivered is the same.
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Mosquitto } from '../support/mosquitto.ts'
import { freePort } from '../support/ports.ts'
import { GatewayProcess, Site } from '../support/process.ts'

const ACL = `# who is nobody in particular
topic read anon/#
topic deny anon/secret
topic write drop/box

user ann
topic readwrite a/#
topic deny a/deny/#
topic write w/x
topic read r/+
topic write plain/no

user bob
topic #

pattern readwrite c/%c/#
pattern read u/%u
pattern read part/dev-%c/x
pattern write part/%c%u
pattern deny c/+/no
pattern readwrite plain/#
pattern deny plain/no
pattern deny %u/private/#
`

const TOPICS = [
  'anon', 'anon/x', 'anon/secret', 'drop/box', 'a', 'a/x', 'a/deny', 'a/deny/y', 'w/x', 'r', 'r/y', 'r/y/z', 'c/dev1', 'c/dev1/x', 'c/dev1/no', 'c/no/no', 'c/other/x', 'c/a/b/x', 'c//x',
  'c/$SYS/x', 'u/ann', 'u/bob', 'u/', 'part/dev-dev1/x', 'part/dev-a/b/x', 'part/dev1ann', 'part/dev1', 'plain', 'plain/x', 'plain/no', 'ann/private/x', 'private/x', '/x', 'other', 'other/x',
]
const FILTERS = ['#', '+/+', 'a/#', 'a/deny/#', 'nothing/of/it', '$SYS/#', '$share/group/only', 'c/+/x']
const USERS = ['ann', 'bob', 'zoe', 'a/b', 'a+b']

interface Seen {
  /** Reason codes of SUBACK. */
  readonly subscribed: readonly number[]
  /** Topics whose publishing was acknowledged as good. */
  readonly accepted: readonly string[]
  /** … and of those, and of the refused ones, what came to a client that may read everything. */
  readonly arrived: readonly string[]
  readonly received: readonly string[]
}

let folder: string
let mosquitto: Mosquitto
let site: Site

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-acl-'))
  await writeFile(join(folder, 'acl'), ACL, { mode: 0o600 })
  // Without a password file it takes every name for what it says.
  const port = await freePort()
  mosquitto = await Mosquitto.run([`listener ${port} 127.0.0.1`, 'allow_anonymous true', `acl_file ${join(folder, 'acl')}`].join('\n'), port)
  site = await Site.make()
  await site.configure({ broker: { listeners: [{ port: site.port, anonymous: true }], sysInterval: '0s' }, access: { users: USERS.map((name) => ({ name, password: 'x' })), aclFile: join(folder, 'acl') } })
  await site.start()
})

afterAll(async () => {
  await mosquitto[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function clientOf(url: string, clientId: string, username: string | null, protocolVersion: 4 | 5): Promise<MqttClient> {
  const client = connect(url, { clientId, protocolVersion, reconnectPeriod: 0, ...(username === null ? {} : { username, password: 'x' }) })
  await once(client as unknown as NodeJS.EventEmitter, 'connect')
  return client
}

function topicsOf(client: MqttClient): Set<string> {
  const topics = new Set<string>()
  client.on('message', (topic) => void topics.add(topic))
  return topics
}

/** What was on its way to the client when this was called is there when it resolves: the answer comes behind it. */
async function fence(client: MqttClient): Promise<void> {
  await client.subscribeAsync('fence').catch(() => {})
}

async function publishAll(client: MqttClient): Promise<string[]> {
  const accepted: string[] = []
  for (const topic of TOPICS) await client.publishAsync(topic, 'x', { qos: 1 }).then(() => accepted.push(topic), () => {})
  return accepted
}

async function see(url: string, clientId: string, username: string | null, version: 4 | 5): Promise<Seen> {
  const everything = await clientOf(url, 'everything', 'bob', version)
  const client = await clientOf(url, clientId, username, version)
  const arrived = topicsOf(everything)
  await everything.subscribeAsync('#', { qos: 1 })
  const accepted = await publishAll(client)
  await fence(everything)
  await everything.unsubscribeAsync('#')
  const received = topicsOf(client)
  const subscribed: number[] = []
  for (const filter of FILTERS) subscribed.push(...(await client.subscribeAsync(filter, { qos: 1 }).then((grants) => grants.map((grant) => grant.qos as number), () => [0x80])))
  await publishAll(everything)
  await fence(client)
  await Promise.all([client.endAsync(), everything.endAsync()])
  return { subscribed, accepted, arrived: [...arrived].sort(), received: [...received].sort() }
}

describe.each([4, 5] as const)('MQTT protocol level %i', (version) => {
  test.each([
    ['dev1', null], ['dev1', 'ann'], ['dev1', 'zoe'], ['other', 'ann'], ['no', 'zoe'], ['x', 'bob'], ['$SYS', null],
  ])('client %s, user %s', async (clientId, username) => {
    const expected = await see(mosquitto.url, clientId, username, version)
    expect(expected.received.length).toBeGreaterThan(0)
    expect(expected.arrived.length).toBeLessThanOrEqual(TOPICS.length)
    expect(await see(site.url, clientId, username, version)).toEqual(expected)
  })
})

describe('where it differs, on purpose', () => {
  test('a client identifier with a slash: Mosquitto lets it into the places of others, the gateway does not', async () => {
    const [theirs, ours] = [await see(mosquitto.url, 'a/b', null, 5), await see(site.url, 'a/b', null, 5)]
    expect(theirs.received.filter((topic) => !ours.received.includes(topic))).toEqual(['c/a/b/x', 'part/dev-a/b/x'])
    expect(theirs.arrived.filter((topic) => !ours.arrived.includes(topic))).toEqual(['c/a/b/x'])
    expect([ours.received, ours.arrived].map((topics) => topics.filter((topic) => topic.startsWith('c/') || topic.startsWith('part/')))).toEqual([[], []])
  })

  test.each(['a+b', '#', 'a/#'])('client identifier %s: nothing by a pattern with its name, and what is for everybody', async (clientId) => {
    const [theirs, ours] = [await see(mosquitto.url, clientId, 'zoe', 5), await see(site.url, clientId, 'zoe', 5)]
    expect([theirs.received, theirs.arrived]).toEqual([[], []])
    expect([ours.received, ours.arrived]).toEqual([['plain', 'plain/x'], ['plain', 'plain/x']])
  })

  test('a user with a wildcard in its name: as `deny %u/private/#` cannot be told, everything is denied', async () => {
    const ours = await see(site.url, 'dev1', 'a+b', 5)
    expect([ours.received, ours.arrived]).toEqual([[], []])
    expect(ours.subscribed).toEqual((await see(mosquitto.url, 'dev1', 'a+b', 5)).subscribed)
  })
})

test('access explain names the line that decided', async () => {
  const explained = async (...args: string[]): Promise<[number | null, string]> => {
    const command = new GatewayProcess(['access', 'explain', '--config', site.configFile, '--client', 'dev1', ...args])
    const { code } = await command.exited
    return [code, command.stdout]
  }
  const [code, text] = await explained('--user', 'ann', '--publish', 'a/deny/x')
  expect([code, text]).toEqual([1, expect.stringContaining('by acl line 8: deny publish, receive "a/deny/#", for users ann')])
  expect(await explained('--anonymous', '--receive', 'c/dev1/x')).toEqual([0, expect.stringContaining('by acl line 16: allow publish, receive "c/{clientId}/#"')])
  expect((await explained('--subscribe', 'whatever'))[0]).toBe(0)
})
