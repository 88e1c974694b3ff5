// The schema of gateway.yaml as a whole. Its sections are in broker-schema.ts, access-schema.ts, sensor-schema.ts and uplink-schema.ts.
//
// `site` is the one key that must be given. An empty file is refused, not taken for all defaults: it is what a power cut
// while saving leaves on a FAT partition, and it must not silently take the sensors and uplinks of a site away.
import { access } from './access-schema.ts'
import { alarms } from './alarm-schema.ts'
import { checkBoard } from './board-check.ts'
import { board, isDetected } from './board-schema.ts'
import { boardUses } from './board-uses.ts'
import { buses } from './bus-schema.ts'
import { announce, checkAnnounce } from './announce-schema.ts'
import type { Config } from './config.ts'
import { broker, log, store } from './broker-schema.ts'
import { checkDiscovery, discovery } from './discovery-schema.ts'
import { hostname, hostnameOf } from './hostname-schema.ts'
import { history } from './history-schema.ts'
import { http, httpOf } from './http-schema.ts'
import { listenersOf } from './listener-access.ts'
import { checkBuses } from './modbus-schema.ts'
import { network, networkOf } from './network-schema.ts'
import { checkRemote, remote } from './remote-schema.ts'
import { identifier } from './scalar.ts'
import { defaulted, object, optional, required, type JsonSchema } from './schema.ts'
import { checkUplinksOfOutputs, outputs } from './output-schema.ts'
import { sensors } from './sensor-schema.ts'
import { ssh } from './ssh-schema.ts'
import { checkTenants, tenants, tenantsOf } from './tenant-schema.ts'
import { sensorsForClock, time } from './time-schema.ts'
import { update } from './update-schema.ts'
import { uplinks } from './uplink-schema.ts'

export const site = identifier('the name of the site')

export const gateway = object({
  site: required('Name of this place, unique among all your gateways. {site} stands for it in topics, client identifiers and user names.', site),
  broker: defaulted('The MQTT broker for the devices around.', {}, broker),
  access: defaulted('Who may connect.', {}, access),
  tenants: defaulted('Groups of clients that share nothing: no topics, retained messages, shared subscriptions or client identifiers.', [], tenants),
  store: defaulted('Where messages are kept until they are delivered.', {}, store),
  board: defaulted('The board this runs on: auto asks the device tree.', 'auto', board),
  buses: defaulted('Lines that several sensors share.', [], buses),
  sensors: defaulted('Sensors that the gateway reads itself.', [], sensors),
  outputs: defaulted('Lines that commands drive.', [], outputs),
  announce: defaulted('Systems that are told by themselves what sensors and outputs there are.', {}, announce),
  uplinks: defaulted('Remote brokers that messages are carried to and from.', [], uplinks),
  alarms: defaulted('From when on something is worth an alarm.', {}, alarms),
  http: defaulted('The API over HTTP.', {}, http),
  history: defaulted('What is kept of readings and figures on the machine itself, for charts of the last days.', {}, history),
  discovery: defaulted('How others in the network find the gateway.', {}, discovery),
  hostname: optional('Name of the machine in its network, and with `.local` in mDNS. Left out: the site’s. The machine itself is called so on the image only; the next three are for the image too.', hostname),
  network: defaulted('How the machine reaches others.', {}, network),
  time: defaulted('Who tells the machine the time.', {}, time),
  ssh: defaulted('Who may log in to the machine.', {}, ssh),
  update: defaulted('Updates of the program and of the whole root. For the image.', {}, update),
  remote: defaulted('What the cloud is told of the gateway, and what it may ask.', {}, remote),
  log: defaulted('What the gateway writes about itself.', {}, log),
}).into((values, place): Config | undefined => {
  const listeners = listenersOf(values.broker.listeners, values.access, place)
  const http = httpOf(values.http, values.access, place)
  if (listeners === undefined || http === undefined) return undefined
  const { asksForUsers: _, ...access } = values.access
  const broker = { ...values.broker, listeners }
  const sensorsKnown = sensorsForClock(values.sensors, values.time, place)
  const machine = { hostname: values.hostname ?? hostnameOf(values.site), network: networkOf(values.network, values.uplinks, place) }
  const config = { ...values, ...machine, broker, access, http, sensors: sensorsKnown ?? values.sensors, tenants: tenantsOf(values.tenants, broker) }
  const fits = checkBoard(boardUses(config, place), config.board, !isDetected(place))
  const uplinksKnown = checkUplinksOfOutputs(config, place)
  const busesKnown = checkBuses(config, place)
  const canAnnounce = checkAnnounce(config, place)
  const remoteFits = checkRemote(config, place)
  checkDiscovery(config, place)
  return checkTenants(config, place) && remoteFits && uplinksKnown && busesKnown && sensorsKnown !== undefined && canAnnounce && fits ? config : undefined
})

/** JSON Schema (draft 7) of gateway.yaml, for editors: completion, documentation and checks while typing. */
export function jsonSchema(): JsonSchema {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Sandpiper gateway.yaml', ...gateway.json }
}
