// What Avahi is to say of the gateway (avahi-daemon.conf(5), avahi.service(5)): the machine's name, and what is listened on.
//
// Its service files hold for every network that it is on. So a listener of one address is not among them: it would be announced where nothing answers.
import { instanceLabel } from '../discovery/label.ts'
import { type Service, ANY_ADDRESS, configuredPorts, isAnnounced, servicesOf } from '../discovery/services.ts'
import type { Config } from '../config/config.ts'
import { VERSION } from '../layout.ts'

/** The image starts Avahi where it is (systemd/appliance/avahi-daemon.service.d). */
export const AVAHI_CONF = '/run/sandpiper-apply/avahi/avahi-daemon.conf'
/** /etc/avahi/services leads here. */
export const AVAHI_SERVICES = '/run/sandpiper-apply/avahi-services'

/** Path and text of each; none where nothing is announced. */
export function avahiFiles(config: Config): ReadonlyMap<string, string> {
  if (!isAnnounced(config)) return new Map()
  const services = servicesOf(config, configuredPorts(config), VERSION).filter(({ addresses }) => addresses.includes(ANY_ADDRESS))
  // A name is of one service of a type: a second one has its port in its name.
  const isFirst = (service: Service): boolean => services.find(({ type }) => type === service.type) === service
  const label = { base: config.discovery.name, attempt: 1 }
  const files = new Map([[AVAHI_CONF, avahiConf(config)]])
  const first = services.filter(isFirst)
  if (first.length > 0) files.set(`${AVAHI_SERVICES}/gateway.service`, groupText(instanceLabel(label, null), first))
  for (const service of services.filter((one) => !isFirst(one))) {
    files.set(`${AVAHI_SERVICES}/${service.type.split('.')[0]!.slice(1)}-${service.port}.service`, groupText(instanceLabel(label, service.port), [service]))
  }
  return files
}

function avahiConf({ hostname, discovery: { interfaces }, uplinks }: Config): string {
  const metered = uplinks.filter((uplink) => uplink.metered).flatMap(({ links }) => links.flatMap((link) => link.interface ?? []))
  const never = [...new Set(metered)].filter((name) => !interfaces.includes(name) && !name.includes(','))
  return `# Made from gateway.yaml at each start: changes here do not last.
[server]
host-name=${hostname}
use-ipv4=yes
use-ipv6=yes
${interfaces.length > 0 ? `allow-interfaces=${interfaces.join(',')}\n` : never.length > 0 ? `deny-interfaces=${never.join(',')}\n` : ''}allow-point-to-point=no
enable-dbus=no
ratelimit-interval-usec=1000000
ratelimit-burst=1000
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
publish-domain=no
[reflector]
enable-reflector=no
`
}

function groupText(name: string, services: readonly Service[]): string {
  const each = services.map(({ type, port, txt }) => `  <service>
    <type>${type}</type>
    <port>${port}</port>
${txt.map((text) => `    <txt-record>${escaped(text)}</txt-record>\n`).join('')}  </service>
`)
  return `<?xml version="1.0" standalone="no"?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name>${escaped(name)}</name>
${each.join('')}</service-group>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
