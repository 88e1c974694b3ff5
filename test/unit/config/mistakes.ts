// Every kind of mistake: a text, and `line:column path: message` of each problem in it. Their hints are checked for being there.
import { uplink } from './gateway-yaml.ts'

export type Case = readonly [name: string, text: string, ...problems: string[]]

const S = 'site: s\n'
/** The keys that a sensor may have, in the order of the schema. */
const SOURCES = ['gpio', 'serial', 'modbus', 'simulate', 'nmea', 'oneWire', 'iio', 'hwmon', 'thermal', 'power', 'system'].map((key) => `\`${key}\``).join(' or ')
const sensor = (keys: string): string => `${S}sensors:\n  - { name: a, topic: t, ${keys} }`
const serial = (keys: string): string => sensor(`serial: { path: /dev/x }, ${keys}`)
const named = (name: string, topic: string, source = 'simulate: { kind: sine }'): string => `  - { name: ${name}, topic: ${topic}, ${source} }\n`
const topic = (name: string): string => `${S}sensors:\n${named('a', name)}`

export const fileMistakes: readonly Case[] = [
  ['empty', '', '1:1 : the file is empty'],
  ['comments only', '# site: s\n\n', '1:1 : the file is empty'],
  ['a list', '- site: s', '1:1 : the file must be a group of keys, found a list'],
  ['plain text', 'hello', '1:1 : the file must be a group of keys, found the text "hello"'],
  ['no site', 'store: {}', '1:1 : `site` is missing'],
  ['unknown key', 'site: s\nsensor: []', '2:1 sensor: unknown key `sensor`'],
  ['nothing like it', 'site: s\nfrobnicate: 1', '2:1 frobnicate: unknown key `frobnicate`'],
  ['spelling of another convention', S + 'store: { commit_window: 20ms }', '2:10 store.commit_window: unknown key `commit_window` in `store`'],
  ['merge key', S + 'store:\n  <<: {}', '3:3 store.<<: merge keys (<<) are not known here'],
  ['key of an object\'s prototype', S + 'constructor: 1\n__proto__: 1', '2:1 constructor: unknown key `constructor`', '3:1 __proto__: unknown key `__proto__`'],
]

export const yamlMistakes: readonly Case[] = [
  ['tab', S + 'store:\n\tpath: x', '3:1 : a tab is used for indentation'],
  ['duplicate key', S + 'store: {}\nsite: t', '3:1 : `site` is given twice: first on line 1'],
  ['duplicate key further in', S + 'store:\n  path: a\n  maxSize: 1GB\n  path: b', '5:3 : `path` is given twice: first on line 3'],
  ['unclosed quote', 'site: "s\nstore: {}\n', '1:7 : this quote is never closed'],
  ['unclosed brace', S + 'store: { path: x\nlog: {}', '3:1 : the indentation does not fit the lines above, or a { or [ is not closed'],
  ['backslash in double quotes', serial('decode: { regex: "(?<a>\\d)" }'), '3:75 : unknown escape in double quotes'],
  ['a value that starts with @', S + 'store:\n  path: @x', '3:9 : a value cannot start with this character'],
  ['missing blank', S + 'store:\n  path:x\n  maxSize: 1GB', '3:3 : a `key: value` is broken here'],
  ['two documents', S + '---\nsite: t', '2:1 : a second document starts here'],
  ['unknown anchor', 'site: *x', '1:7 : *x refers to nothing above it'],
  ['tag', S + 'store: !fast {}', '2:8 : tags (!name) mean nothing here'],
  ['a group of keys as key', S + '{ a: b }: 1', '1:1 : a key must be text'],
  ['indentation', S + 'store:\n    path: x\n  maxSize: 1GB', '4:1 : the indentation does not fit the lines above, or a { or [ is not closed'],
  ['NUL', 'site: \0\n', '1:7 : the character U+0000 cannot stand in this file'],
  ['control character', S + 'log: {} # \x1b[31m', '2:11 : the character U+001B cannot stand in this file'],
  ['comment eats the value', S + 'sensors:\n  - name: a\n    topic: #all\n    simulate: { kind: sine }', '4:12 sensors[0].topic: `topic` must be a topic, found nothing'],
]

export const valueMistakes: readonly Case[] = [
  ['text for a number', S + 'broker: { maxConnections: many }', '2:27 broker.maxConnections: `maxConnections` must be a whole number from 1 to 100000, found the text "many"'],
  ['quoted number', S + 'broker: { maxConnections: "10" }', '2:27 broker.maxConnections: `maxConnections` must be a whole number from 1 to 100000, found the text "10"'],
  ['out of range', S + 'broker: { receiveMaximum: 65536 }', '2:27 broker.receiveMaximum: `receiveMaximum` must be a whole number from 1 to 65535, found the number 65536'],
  ['fraction', S + 'broker: { receiveMaximum: 1.5 }', '2:27 broker.receiveMaximum: `receiveMaximum` must be a whole number from 1 to 65535, found the number 1.5'],
  ['a word for a number', S + 'broker: { maxPublishesPerSecond: never }', '2:34 broker.maxPublishesPerSecond: `maxPublishesPerSecond` must be a whole number from 1 to 1000000, or none, found the text "never"'],
  ['0 for none', S + 'broker: { maxConnectionsPerAddress: 0 }', '2:37 broker.maxConnectionsPerAddress: `maxConnectionsPerAddress` must be a whole number from 1 to 100000, or auto, found the number 0'],
  ['a list for a number', S + 'broker: { receiveMaximum: [1] }', '2:27 broker.receiveMaximum: `receiveMaximum` must be a whole number from 1 to 65535, found a list'],
  ['a group for a number', S + 'broker: { receiveMaximum: { max: 1 } }', '2:27 broker.receiveMaximum: `receiveMaximum` must be a whole number from 1 to 65535, found a group of keys'],
  ['nothing for a number', S + 'broker:\n  receiveMaximum:\n', '3:18 broker.receiveMaximum: `receiveMaximum` must be a whole number from 1 to 65535, found nothing'],
  ['text for true or false', sensor('simulate: { kind: sine }, retain: yes'), '3:60 sensors[0].retain: `retain` must be true or false, found the text "yes"'],
  ['number for text', 'site: 0123', '1:7 site: `site` must be the name of the site: letters, digits, - _ and . (64 at most), found the number 0123'],
  ['true for text', 'site: true', '1:7 site: `site` must be the name of the site: letters, digits, - _ and . (64 at most), found true'],
  ['site with a slash', 'site: a/b', '1:7 site: `site` must be the name of the site: letters, digits, - _ and . (64 at most), found the text "a/b"'],
  ['site too long', `site: ${'a'.repeat(65)}`, '1:7 site: `site` must be the name of the site: letters, digits, - _ and . (64 at most), found the text "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"'],
  ['choice', S + 'log: { level: inf }', '2:15 log.level: `level` must be trace, debug, info, warn or error, found the text "inf"'],
  ['choice far off', S + 'log: { level: everything }', '2:15 log.level: `level` must be trace, debug, info, warn or error, found the text "everything"'],
  ['choice of numbers', sensor('simulate: { kind: sine }, qos: 3'), '3:57 sensors[0].qos: `qos` must be 0, 1 or 2, found the number 3'],
  ['text for a group', S + 'store: ./data', '2:8 store: `store` must be a group of keys, found the text "./data"'],
  ['list for a group', S + 'store: [a]', '2:8 store: `store` must be a group of keys, found a list'],
  ['group for a list', S + 'sensors:\n  name: a', '3:3 sensors: `sensors` must be a list, found a group of keys'],
  ['text in a list of groups', S + 'sensors: [tank]', `2:11 sensors[0]: \`sensors[0]\` must be a sensor with ${SOURCES}, found the text "tank"`],
  ['bare duration', S + 'store: { commitWindow: 20 }', '2:24 store.commitWindow: `commitWindow` has no unit: 20 of what?'],
  ['unknown unit of a duration', S + 'store: { commitWindow: 20sec }', '2:24 store.commitWindow: `commitWindow` must be a duration from 0 to 10s, found the text "20sec"'],
  ['duration too long', S + 'store: { commitWindow: 1h }', '2:24 store.commitWindow: `commitWindow` must be a duration from 0 to 10s, found the text "1h"'],
  ['negative duration', S + 'store: { commitWindow: -20ms }', '2:24 store.commitWindow: `commitWindow` must be a duration from 0 to 10s, found the text "-20ms"'],
  ['list for a duration', S + 'store: { commitWindow: [1] }', '2:24 store.commitWindow: `commitWindow` must be a duration from 0 to 10s, found a list'],
  ['bare size', S + 'store: { maxSize: 2000 }', '2:19 store.maxSize: `maxSize` has no unit: 2000 of what?'],
  ['unknown unit of a size', S + 'store: { maxSize: 2 gigs }', '2:19 store.maxSize: `maxSize` must be a size from 16MB to 100TB, found the text "2 gigs"'],
  ['size too small', S + 'store: { maxSize: 1kB }', '2:19 store.maxSize: `maxSize` must be a size from 16MB to 100TB, found the text "1kB"'],
  ['true for a size', S + 'store: { maxSize: true }', '2:19 store.maxSize: `maxSize` must be a size from 16MB to 100TB, found true'],
]

export const brokerMistakes: readonly Case[] = [
  ['port', S + 'broker: { listeners: [{ port: 70000 }] }', '2:31 broker.listeners[0].port: `port` must be a whole number from 0 to 65535, found the number 70000'],
  ['port missing', S + 'broker: { listeners: [{ host: "::1" }] }', '2:23 broker.listeners[0]: `listeners[0]` has no `port` or `socket`'],
  ['network without consent', S + 'broker:\n  listeners:\n    - { port: 1883, host: 0.0.0.0 }', '4:27 broker.listeners[0].host: listening on 0.0.0.0 lets everyone on that network connect, publish and read'],
  ['network without consent, IPv6', S + 'broker:\n  listeners:\n    - { port: 1883, host: "::" }', '4:27 broker.listeners[0].host: listening on :: lets everyone on that network connect, publish and read'],
  ['users', S + 'broker: { listeners: [{ port: 1883, anonymous: false }] }', '2:48 broker.listeners[0].anonymous: `anonymous: false` needs users, and there are none: nobody could connect'],
  ['a user twice', S + 'access: { users: [{ name: a, password: x }, { name: a, password: y }] }', '2:53 access.users[1].name: this user is there twice, as in `access.users[0]`'],
  ['no such host', S + 'broker: { listeners: [{ port: 1, host: "a b" }] }', '2:40 broker.listeners[0].host: `host` "a b" is not a host name or IP address'],
  ['port taken twice', S + 'broker:\n  listeners:\n    - { port: 1883 }\n    - { port: 1883, host: localhost }\n    - { port: 1883, host: 127.0.0.1 }', '6:15 broker.listeners[2].port: port 1883 on 127.0.0.1 is taken twice, as in `broker.listeners[0]`'],
]

const hash = `$7$101$AAECAwQFBgcICQoL$${Buffer.alloc(64).toString('base64')}`
const user = (keys: string): string => `${S}access: { users: [{ name: a, ${keys} }] }`

export const userMistakes: readonly Case[] = [
  ['no name', S + 'access: { users: [{ password: x }] }', '2:19 access.users[0]: `name` is missing in `users[0]`'],
  ['password and hash', user(`password: x, passwordHash: "${hash}"`), '2:43 access.users[0].passwordHash: `users[0]` has both `password` and `passwordHash`'],
  ['plain text for a hash', user('passwordHash: hunter2'), '2:44 access.users[0].passwordHash: `passwordHash`: the password is there as plain text, not as a hash'],
  ['a hash of another kind', user('passwordHash: $2b$10$abcdefghijklmnopqrstuv'), '2:44 access.users[0].passwordHash: `passwordHash`: the format $2b$ is not known'],
  ['a damaged hash', user(`passwordHash: "${hash.slice(0, -8)}"`), '2:44 access.users[0].passwordHash: `passwordHash`: the hash $7$ is damaged: it must end with 64 bytes in base64'],
  ['a number for a hash', user('passwordHash: 5'), '2:44 access.users[0].passwordHash: `passwordHash` must be text, `{ file: … }` or `{ env: NAME }`, found the number'],
  ['a role with a blank', user('roles: [a b]'), '2:38 access.users[0].roles[0]: `roles[0]` must be the name of a role: letters, digits, - _ and . (64 at most), found the text "a b"'],
  ['one role without a list', user('roles: a'), '2:37 access.users[0].roles: `roles` must be a list, found the text "a"'],
  ['too many roles', user(`roles: [${'a,'.repeat(101)}]`), '2:37 access.users[0].roles: `roles` has 101 roles'],
  ['a tenant with a blank', user('tenant: a b'), '2:38 access.users[0].tenant: `tenant` must be the name of a tenant, found the text "a b"'],
  ['the password file without quotes', S + 'access: { passwordFile: [passwd] }', '2:25 access.passwordFile: `passwordFile` must be a file, found a list'],
  ['users without any password', S + 'access: { users: [{ name: a }] }\nbroker: { listeners: [{ port: 1, anonymous: false }] }', '3:45 broker.listeners[0].anonymous: `anonymous: false` needs users, and there are none: nobody could connect'],
  ['users without any password, on a network', S + 'access: { users: [{ name: a }] }\nbroker: { listeners: [{ port: 1, host: "::" }] }', '3:40 broker.listeners[0].host: listening on :: lets everyone on that network connect, publish and read'],
]

export const sensorMistakes: readonly Case[] = [
  ['no source', sensor('qos: 1'), `3:5 sensors[0]: \`sensors[0]\` has no ${SOURCES}`],
  ['mistyped source', sensor('seriel: { path: /dev/x }'), '3:26 sensors[0].seriel: unknown key `seriel` in `sensors[0]`'],
  ['two sources', serial('simulate: { kind: sine }'), '3:52 sensors[0].simulate: `sensors[0]` has both `serial` and `simulate`'],
  ['name missing', S + 'sensors:\n  - topic: t\n    simulate: { kind: sine }', '3:5 sensors[0]: `name` is missing in `sensors[0]`'],
  ['topic with wildcard', topic('a/+'), '3:23 sensors[0].topic: `topic` "a/+" has a wildcard'],
  ['topic of the broker', topic('$SYS/a'), '3:23 sensors[0].topic: `topic` "$SYS/a" starts with $'],
  ['empty topic', topic('""'), '3:23 sensors[0].topic: `topic` is empty'],
  ['unknown placeholder', topic('"x/{sit}"'), '3:23 sensors[0].topic: unknown placeholder {sit} in `topic`'],
  ['unknown placeholder far off', topic('"x/{hostname}"'), '3:23 sensors[0].topic: unknown placeholder {hostname} in `topic`'],
  ['placeholder without quotes', S + 'sensors:\n  - name: a\n    topic: {site}\n    simulate: { kind: sine }', '4:12 sensors[0].topic: `topic` must be a topic, found a group of keys'],
  ['topic too long', topic('x'.repeat(65536)), '3:23 sensors[0].topic: `topic` is longer than 65535 bytes'],
  ['min above max', sensor('simulate: { kind: sine, min: 5, max: 4 }'), '3:55 sensors[0].simulate.min: `min` 5 is larger than `max` 4'],
  ['min above the default of max', sensor('simulate: { kind: ramp, min: 500 }'), '3:55 sensors[0].simulate.min: `min` 500 is larger than `max` 100'],
  ['max below the default of min', sensor('simulate: { kind: counter, max: -1 }'), '3:58 sensors[0].simulate.max: `min` 0 is larger than `max` -1'],
  ['kind missing', sensor('simulate: {}'), '3:36 sensors[0].simulate: `kind` is missing in `simulate`'],
  ['infinite', sensor('simulate: { kind: sine, max: .inf }'), '3:55 sensors[0].simulate.max: `max` must be a number, found the number .inf'],
  ['serial path', sensor('serial: { path: ttyUSB0 }'), '3:42 sensors[0].serial.path: `path` must be a device file such as /dev/ttyUSB0, found the text "ttyUSB0"'],
  ['data bits', sensor('serial: { path: /dev/x, dataBits: 9 }'), '3:60 sensors[0].serial.dataBits: `dataBits` must be 5, 6, 7 or 8, found the number 9'],
  ['frame', serial('frame: lines'), '3:59 sensors[0].frame: `frame` must be line, slip, or a group with `delimiter`, `length`, `lengthPrefix`, `end` or `gap`, found the text "lines"'],
  ['frame number', serial('frame: 5'), '3:59 sensors[0].frame: `frame` must be line, slip, or a group with `delimiter`, `length`, `lengthPrefix`, `end` or `gap`, found the number 5'],
  ['frame list', serial('frame: [line]'), '3:59 sensors[0].frame: `frame` must be line, slip, or a group with `delimiter`, `length`, `lengthPrefix`, `end` or `gap`, found a list'],
  ['delimiter', serial("frame: { delimiter: '\\q' }"), '3:72 sensors[0].frame.delimiter: `delimiter` "\\q" has an unknown escape'],
  ['delimiter too long', serial(`frame: { delimiter: ${'x'.repeat(17)} }`), '3:72 sensors[0].frame.delimiter: `delimiter` has 17 bytes'],
  ['decode', serial('decode: jason'), '3:60 sensors[0].decode: `decode` must be json, raw, `{ csv: […] }`, `{ regex: … }` or `{ struct: […] }`, found the text "jason"'],
  ['decode group', serial('decode: { cvs: [a] }'), '3:62 sensors[0].decode.cvs: unknown key `cvs` in `decode`'],
  ['decode group far off', serial('decode: { nmea: true }'), '3:60 sensors[0].decode: `decode` has no `csv` or `regex` or `struct`'],
  ['columns', serial('decode: { csv: a }'), '3:67 sensors[0].decode.csv: `csv` must be a list of at least 1, found the text "a"'],
  ['no columns', serial('decode: { csv: [] }'), '3:67 sensors[0].decode.csv: `csv` is empty'],
  ['columns twice', serial('decode: { csv: [a, b, a] }'), '3:74 sensors[0].decode.csv[2]: the column "a" is named twice'],
  ['separator', serial('decode: { csv: [a], separator: ", " }'), '3:83 sensors[0].decode.separator: `separator` must be one ASCII character, found ", "'],
  ['regex', serial('decode: { regex: "(?<a" }'), '3:69 sensors[0].decode.regex: `regex` is not a regular expression: /(?<a/u: Invalid capture group name'],
  ['regex without names', serial("decode: { regex: '(\\d+)' }"), '3:69 sensors[0].decode.regex: `regex` has no named group'],
  ['same name', S + 'sensors:\n' + named('a', 'x') + named('a', 'y'), '4:13 sensors[1].name: the sensor name `a` is used twice, as in `sensors[0]`'],
  ['same topic', S + 'sensors:\n' + named('a', 'x') + named('b', 'x'), '4:23 sensors[1].topic: the topic `x` is used twice, as in `sensors[0]`'],
  ['same port', S + 'sensors:\n  - { name: a, topic: x, serial: { path: /dev/x } }\n  - { name: b, topic: y, serial: { path: /dev/x } }', '4:42 sensors[1].serial.path: the serial port /dev/x belongs to the sensor `a` already'],
]

export const uplinkMistakes: readonly Case[] = [
  ['url', uplink('').replace('mqtt://h', 'h:1883'), '4:10 uplinks[0].url: `url` is not a URL'],
  ['scheme', uplink('').replace('mqtt://h', 'https://h'), '4:10 uplinks[0].url: `url` has the scheme https://, which no uplink speaks'],
  ['no host', uplink('').replace('mqtt://h', '"mqtt://"'), '4:10 uplinks[0].url: `url` is not a URL'],
  ['user in url', uplink('').replace('mqtt://h', 'mqtt://u:secret@h'), '4:10 uplinks[0].url: `url` holds a user or password'],
  ['path in url', uplink('').replace('mqtt://h', 'mqtt://h/mqtt'), '4:10 uplinks[0].url: `url` goes on behind the port'],
  ['port 0', uplink('').replace('mqtt://h', 'mqtt://h:0'), '4:10 uplinks[0].url: `url` has the port 0'],
  ['no routes', uplink('', 'routes: []'), '5:13 uplinks[0].routes: `routes` is empty'],
  ['routes missing', uplink('', 'version: 5'), '3:5 uplinks[0]: `routes` is missing in `uplinks[0]`'],
  ['route without direction', uplink('', 'routes: [{ as: a }]'), '5:14 uplinks[0].routes[0]: `routes[0]` has no `out` or `in`'],
  ['route both ways', uplink('', 'routes: [{ out: a, in: b }]'), '5:24 uplinks[0].routes[0].in: `routes[0]` has both `out` and `in`'],
  ['route unknown key', uplink('', 'routes: [{ out: a, too: b }]'), '5:24 uplinks[0].routes[0].too: unknown key `too` in `routes[0]`'],
  ['filter', uplink('', 'routes: [{ out: a/#/b }]'), '5:21 uplinks[0].routes[0].out: `out` "a/#/b" is not a topic filter: # must be the last level'],
  ['empty filter', uplink('', 'routes: [{ out: "" }]'), '5:21 uplinks[0].routes[0].out: `out` is empty'],
  ['shared', uplink('', 'routes: [{ in: $share/g/a }]'), '5:20 uplinks[0].routes[0].in: `in` "$share/g/a" is a shared subscription'],
  ['into $', uplink('', 'routes: [{ in: a/#, as: $SYS/# }]'), '5:29 uplinks[0].routes[0].as: the local side "$SYS/#" starts with $'],
  ['from $ without as', uplink('', 'routes: [{ in: $aws/a }]'), '5:20 uplinks[0].routes[0].in: the local side "$aws/a" starts with $'],
  ['wildcards lost', uplink('', 'routes: [{ out: a/#, as: b }]'), '5:30 uplinks[0].routes[0].as: "a/#" cannot become "b": one has #, the other none'],
  ['wildcards in another order', uplink('', 'routes: [{ out: +/a/#, as: b/# }]'), '5:32 uplinks[0].routes[0].as: "+/a/#" cannot become "b/#": one has + #, the other #'],
  ['wildcards gained', uplink('', 'routes: [{ out: a, as: b/+ }]'), '5:28 uplinks[0].routes[0].as: "a" cannot become "b/+": one has no wildcards, the other +'],
  ['echo with 3.1.1', uplink('version: 4', 'routes: [{ out: s/#, as: x/# }, { in: x/+/cmd, as: c/+ }]'), '5:30 uplinks[0].routes[0].as: what goes out as "x/#" comes back in through `in: x/+/cmd`, again and again: MQTT 3.1.1 cannot leave out its own messages'],
  ['echo without as', uplink('version: 4', 'routes: [{ out: s/# }, { in: s/cmd }]'), '5:21 uplinks[0].routes[0].out: what goes out as "s/#" comes back in through `in: s/cmd`, again and again: MQTT 3.1.1 cannot leave out its own messages'],
  ['statistics out over a metered link', uplink('', 'routes: [{ out: a/# }, { out: $SYS/broker/#, as: sys/# }]'), '5:35 uplinks[0].routes[1].out: the topics of "$SYS/broker/#" change every few seconds, and this link is taken for a metered one'],
  ['statistics in over a metered link', uplink('metered: true', 'routes: [{ in: $SYS/#, as: cloud/# }]'), '5:20 uplinks[0].routes[0].in: the topics of "$SYS/#" change every few seconds, and this link is taken for a metered one'],
  ['metered in words', uplink('metered: no'), '6:14 uplinks[0].metered: `metered` must be true or false, found the text "no"'],
  ['tls without mqtts', uplink('tls: {}'), '6:5 uplinks[0].tls: `tls` is set, but `url` says mqtt:// without TLS'],
  ['password without user in 3.1.1', uplink('password: x\nversion: 4'), '6:5 uplinks[0].password: MQTT 3.1.1 sends no password without a user name'],
  ['keep alive', uplink('keepAlive: 1500ms'), '6:16 uplinks[0].keepAlive: `keepAlive` must be whole seconds'],
  ['keep alive too long', uplink('keepAlive: 1d'), '6:16 uplinks[0].keepAlive: `keepAlive` must be a duration from 0 to 65535s, found the text "1d"'],
  ['back-off', uplink('backoff: { min: 5m }'), '6:21 uplinks[0].backoff.min: `min` is longer than `max`'],
  ['back-off both', uplink('backoff: { min: 5m, max: 1m }'), '6:21 uplinks[0].backoff.min: `min` is longer than `max`'],
  ['version', uplink('version: 3.1.1'), '6:14 uplinks[0].version: `version` must be 5, or 4 for MQTT 3.1.1, found the text "3.1.1"'],
  ['numeric password', uplink('password: 12345'), '6:15 uplinks[0].password: `password` must be text, `{ file: … }` or `{ env: NAME }`, found the number'],
  ['password list', uplink('password: [x]'), '6:15 uplinks[0].password: `password` must be text, `{ file: … }` or `{ env: NAME }`, found a list'],
  ['password both', uplink('password: { file: a, env: B }'), '6:26 uplinks[0].password.env: `password` has both `file` and `env`'],
  ['password neither', uplink('password: {}'), '6:15 uplinks[0].password: `password` has no `file` or `env`'],
  ['password empty', uplink('password:'), '6:14 uplinks[0].password: `password` must be text, `{ file: … }` or `{ env: NAME }`, found nothing'],
  ['password variable', uplink('password: { env: $A }'), '6:22 uplinks[0].password.env: `env` must be the name of an environment variable, found the text "$A"'],
  ['same name', uplink('clientId: a') + '\n  - { name: cloud, url: mqtt://h, routes: [{ out: a }] }', '7:13 uplinks[1].name: the uplink name `cloud` is used twice, as in `uplinks[0]`'],
  ['same client', uplink('') + '\n  - { name: b, url: mqtt://h:1883, routes: [{ out: a }] }', '7:5 uplinks[1].clientId: two uplinks connect as s@h:1883, as in `uplinks[0]`'],
]

const token = (keys: string): string => `${S}access:\n  tokens:\n    - { ${keys} }`
const LONG = 's'.repeat(40)

export const tokenMistakes: readonly Case[] = [
  ['no keys', token('issuer: i'), '4:7 access.tokens[0]: `keys` is missing in `tokens[0]`'],
  ['keys of no kind', token('keys: {}'), '4:15 access.tokens[0].keys: `keys` has no `jwks` or `file` or `secret`'],
  ['keys of two kinds', token(`keys: { jwks: "https://h/k", secret: ${LONG} }`), '4:38 access.tokens[0].keys.secret: `keys` has both `jwks` and `secret`'],
  ['a key set without TLS', token('keys: { jwks: "http://id.example.com/k" }'), '4:23 access.tokens[0].keys.jwks: `jwks` says http://: whoever is on the way could give keys of his own, and tokens with them'],
  ['a key set in a file', token('keys: { jwks: "file:///etc/keys" }'), '4:23 access.tokens[0].keys.jwks: `jwks` has the scheme file://, by which no keys are fetched'],
  ['a path for a URL', token('keys: { jwks: /etc/keys }'), '4:23 access.tokens[0].keys.jwks: `jwks` is not a URL'],
  ['a password in a URL', token('keys: { jwks: "https://u:hidden@h/k" }'), '4:23 access.tokens[0].keys.jwks: `jwks` holds a user or password'],
  ['a URL that goes on', token('keys: { jwks: "https://h/k#x" }'), '4:23 access.tokens[0].keys.jwks: `jwks` has a part behind #'],
  ['refreshed too often', token('keys: { jwks: "https://h/k", refresh: 1s }'), '4:47 access.tokens[0].keys.refresh: `refresh` must be a duration from 1m to 7d, found the text "1s"'],
  ['authorities without TLS', token('keys: { jwks: "http://[::1]:8080/k", ca: ca.pem }'), '4:46 access.tokens[0].keys.ca: `ca` is set, but `jwks` says http:// without TLS'],
  ['a short secret', token('keys: { secret: hidden }'), '4:25 access.tokens[0].keys.secret: `secret` has 6 bytes, and HS256 needs 32'],
  ['a secret too short for its algorithm', token(`keys: { secret: ${LONG} }, algorithms: [HS256, HS384]`), '4:89 access.tokens[0].algorithms[1]: HS384 cannot be used with `keys`'],
  ['a signature with a secret', token(`keys: { secret: ${LONG} }, algorithms: [RS256]`), '4:82 access.tokens[0].algorithms[0]: RS256 cannot be used with `keys`'],
  ['a secret from a URL', token('keys: { jwks: "https://h/k" }, algorithms: [HS256]'), '4:53 access.tokens[0].algorithms[0]: HS256 cannot be used with `keys`'],
  ['no signature', token('keys: { jwks: "https://h/k" }, algorithms: [none]'), '4:53 access.tokens[0].algorithms[0]: tokens without a signature are never accepted'],
  ['no signature, in another case', token('keys: { jwks: "https://h/k" }, algorithms: [NONE]'), '4:53 access.tokens[0].algorithms[0]: tokens without a signature are never accepted'],
  ['an unknown algorithm', token('keys: { jwks: "https://h/k" }, algorithms: [RS265]'), '4:53 access.tokens[0].algorithms[0]: `algorithms[0]` must be HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA or Ed25519, found the text "RS265"'],
  ['no algorithms', token('keys: { jwks: "https://h/k" }, algorithms: []'), '4:52 access.tokens[0].algorithms: `algorithms` is empty'],
  ['no audiences', token('keys: { jwks: "https://h/k" }, audience: []'), '4:50 access.tokens[0].audience: `audience` is empty'],
  ['an audience that is a number', token('keys: { jwks: "https://h/k" }, audience: 5'), '4:50 access.tokens[0].audience: `audience` must be an audience, found the number 5'],
  ['a tolerance without bound', token('keys: { jwks: "https://h/k" }, clockTolerance: 1d'), '4:56 access.tokens[0].clockTolerance: `clockTolerance` must be a duration from 0 to 10m, found the text "1d"'],
  ['no claim', token('keys: { jwks: "https://h/k" }, username: ""'), '4:50 access.tokens[0].username: `username` is empty'],
  ['scopes in a word', token('keys: { jwks: "https://h/k" }, scopes: scope'), '4:48 access.tokens[0].scopes: `scopes` must be true or `{ claim: …, prefix: … }`, found the text "scope"'],
  ['keycloak without client', token('keys: { jwks: "https://h/k" }, keycloak: {}'), '4:50 access.tokens[0].keycloak: `client` is missing in `keycloak`'],
  ['an issuer twice', `${token('issuer: i, keys: { jwks: "https://h/k" }')}\n    - { issuer: i, keys: { jwks: "https://h/l" } }`, '5:17 access.tokens[1].issuer: the issuer i is there twice, as in `access.tokens[0]`'],
  ['a key set in two ways', `${token('issuer: i, keys: { jwks: "https://h/k" }')}\n    - { issuer: j, keys: { jwks: "https://h/k", refresh: 2h } }`, '5:26 access.tokens[1].keys: the same key set is fetched with another `refresh` or `ca` above'],
  ['two entries, one without issuer', `${token('issuer: i, keys: { jwks: "https://h/k" }')}\n    - { keys: { jwks: "https://h/l" } }`, '5:7 access.tokens[1]: `issuer` is missing, and there are several entries: a token could be checked with the keys of another issuer'],
]

const ruled = (rule: string): string => `${S}access: { rules: [{ ${rule} }] }`

export const ruleMistakes: readonly Case[] = [
  ['nothing said', ruled(''), '2:19 access.rules[0]: `rules[0]` has no `allow` or `deny`'],
  ['both', ruled('allow: all, deny: all, topic: a'), '2:33 access.rules[0].deny: `rules[0]` has both `allow` and `deny`'],
  ['no topic', ruled('allow: all'), '2:19 access.rules[0]: `rules[0]` has no `topic` or `topics`'],
  ['topic and topics', ruled('allow: all, topic: a, topics: [b]'), '2:43 access.rules[0].topics: `rules[0]` has both `topic` and `topics`'],
  ['no topics', ruled('allow: all, topics: []'), '2:41 access.rules[0].topics: `topics` is empty'],
  ['unknown verb', ruled('allow: write, topic: a'), '2:28 access.rules[0].allow: `allow` must be publish, receive, subscribe, read or all, found the text "write"'],
  ['unknown verb in a list', ruled('deny: [read, pubish], topic: a'), '2:34 access.rules[0].deny[1]: `deny[1]` must be publish, receive, subscribe, read or all, found the text "pubish"'],
  ['no verbs', ruled('allow: [], topic: a'), '2:28 access.rules[0].allow: `allow` is empty'],
  ['no filter', ruled('allow: all, topic: a/#/b'), '2:40 access.rules[0].topic: `topic` "a/#/b" is not a topic filter: # must be the last level'],
  ['wildcard beside a placeholder', ruled('allow: all, topic: "a/{clientId}+"'), '2:40 access.rules[0].topic: `topic` "a/{clientId}+" is not a topic filter: + must fill a whole level'],
  ['shared subscription', ruled('allow: all, topic: $share/g/a'), '2:40 access.rules[0].topic: `topic` "$share/g/a" is a shared subscription'],
  ['unknown placeholder of a rule', ruled('allow: all, topic: "{clientid}/#"'), '2:40 access.rules[0].topic: unknown placeholder {clientid} in `topic`'],
  ['placeholder over levels', ruled('allow: all, topic: "{claims.a/b}"'), '2:40 access.rules[0].topic: unknown placeholder {claims.a/b} in `topic`'],
  ['brace', ruled('allow: all, topic: "a/{clientId"'), '2:40 access.rules[0].topic: `topic` "a/{clientId" has a { or } that belongs to no placeholder'],
  ['placeholder behind $', ruled('allow: all, topic: "${clientId}/a"'), '2:40 access.rules[0].topic: `topic` "${clientId}/a" has a placeholder in a first level with $'],
  ['qos of a rule', ruled('allow: publish, topic: a, qos: [1, 3]'), '2:56 access.rules[0].qos[1]: `qos[1]` must be 0, 1 or 2, found the number 3'],
  ['qos for receive', ruled('allow: [publish, read], topic: a, qos: 1'), '2:60 access.rules[0].qos: `qos` is no condition for receive'],
  ['retain for all', ruled('deny: all, topic: a, retain: true'), '2:50 access.rules[0].retain: `retain` is no condition for receive and subscribe'],
  ['users as text', ruled('allow: all, topic: a, users: ann'), '2:50 access.rules[0].users: `users` must be a list of at least 1, found the text "ann"'],
  ['anonymous users', ruled('allow: all, topic: a, users: [ann], anonymous: true'), '2:57 access.rules[0].anonymous: a client without a user is none of `users`: the rule applies to nobody'],
  ['unknown tenant', ruled('allow: all, topic: a, tenants: [north]'), '2:18 access.rules: there is no tenant "north"'],
]

const dialled = (dial: string): string => uplink(`dial: ${dial}`)

export const dialMistakes: readonly Case[] = [
  ['nothing to dial with', dialled('{ timeout: 5s }'), '6:11 uplinks[0].dial: `dial` has no `pppd` or `modem` or `interface` or `command`'],
  ['a word', dialled('wvdial'), '6:11 uplinks[0].dial: `dial` must be a way to dial with `pppd` or `modem` or `interface` or `command`, found the text "wvdial"'],
  ['a kind misspelled', dialled('{ ppd: sat }'), '6:13 uplinks[0].dial.ppd: unknown key `ppd` in `dial`'],
  ['two kinds', dialled('{ pppd: sat, modem: lte }'), '6:24 uplinks[0].dial.modem: `dial` has both `pppd` and `modem`'],
  ['command and pppd', dialled('{ pppd: sat, command: [a] }'), '6:24 uplinks[0].dial.command: `dial` has both `pppd` and `command`'],
  ['peer with a path', dialled('{ pppd: /etc/ppp/peers/sat }'), '6:19 uplinks[0].dial.pppd: `pppd` must be the name of a peer of pppd, found the text "/etc/ppp/peers/sat"'],
  ['peer outside', dialled('{ pppd: ..sat }'), '6:19 uplinks[0].dial.pppd: `pppd` must be the name of a peer of pppd, found the text "..sat"'],
  ['peer like an option', dialled('{ pppd: -detach }'), '6:19 uplinks[0].dial.pppd: `pppd` must be the name of a peer of pppd, found the text "-detach"'],
  ['a key of another kind', dialled('{ pppd: sat, stays: true }'), '6:24 uplinks[0].dial.stays: unknown key `stays` in `dial`'],
  ['no peer', dialled('{ pppd: "" }'), '6:19 uplinks[0].dial.pppd: `pppd` is empty'],
  ['a command as one text', dialled('{ command: wvdial iridium }'), '6:22 uplinks[0].dial.command: `command` must be a list, found the text "wvdial iridium"'],
  ['a command line in a list', dialled('{ command: ["wvdial iridium"] }'), '6:23 uplinks[0].dial.command[0]: there is no program "wvdial iridium"'],
  ['an empty command', dialled('{ command: [] }'), '6:22 uplinks[0].dial.command: `command` is empty'],
  ['a command without program', dialled('{ command: ["", up] }'), '6:23 uplinks[0].dial.command[0]: the program is empty'],
  ['a number as argument', dialled('{ command: [sleep, 5] }'), '6:30 uplinks[0].dial.command[1]: `command[1]` must be text, found the number 5'],
  ['down as one text', dialled('{ command: [up], down: "poff -a" }'), '6:34 uplinks[0].dial.down: `down` must be a list, found the text "poff -a"'],
  ['stays as text', dialled('{ command: [up], stays: yes }'), '6:35 uplinks[0].dial.stays: `stays` must be true or false, found the text "yes"'],
  ['interface with a slash', dialled('{ interface: net/wwan0 }'), '6:24 uplinks[0].dial.interface: `interface` must be the name of a network interface, found the text "net/wwan0"'],
  ['interface too long', dialled('{ interface: wwan0123456789ab }'), '6:24 uplinks[0].dial.interface: `interface` must be the name of a network interface, found the text "wwan0123456789ab"'],
  ['interface of a command', dialled('{ command: [up], interface: "wwan 0" }'), '6:39 uplinks[0].dial.interface: `interface` must be the name of a network interface, found the text "wwan 0"'],
  ['no time to dial', dialled('{ pppd: sat, timeout: 0 }'), '6:33 uplinks[0].dial.timeout: `timeout` must be a duration from 1s to 1h, found the number 0'],
  ['cost without unit', dialled('{ pppd: sat, maxCost: 20000 }'), '6:33 uplinks[0].dial.maxCost: `maxCost` has no unit: 20000 of what?'],
  ['cost too small', dialled('{ pppd: sat, maxCost: 20B }'), '6:33 uplinks[0].dial.maxCost: `maxCost` must be a size from 1kB to 1GB, found the text "20B"'],
]

const budgeted = (budget: string): string => uplink(`budget: ${budget}`)

export const budgetMistakes: readonly Case[] = [
  ['a bare size', budgeted('20MB'), '6:13 uplinks[0].budget: `budget` must be a group of keys, found the text "20MB"'],
  ['no limit', budgeted('{ billingDay: 5 }'), '6:13 uplinks[0].budget: `budget` has no `day` and no `month`'],
  ['empty', budgeted('{}'), '6:13 uplinks[0].budget: `budget` has no `day` and no `month`'],
  ['no unit', budgeted('{ day: 2 }'), '6:20 uplinks[0].budget.day: `day` has no unit: 2 of what?'],
  ['a budget for an hour', budgeted('{ hour: 1MB }'), '6:15 uplinks[0].budget.hour: unknown key `hour` in `budget`'],
  ['nothing', budgeted('{ day: 0B }'), '6:20 uplinks[0].budget.day: `day` must be a size from 1kB to 1TB, found the text "0B"'],
  ['too little', budgeted('{ day: 999B }'), '6:20 uplinks[0].budget.day: `day` must be a size from 1kB to 1TB, found the text "999B"'],
  ['too little for a connection', budgeted('{ day: 9kB, month: 1MB }'), '6:20 uplinks[0].budget.day: `day` is too little: a connection alone costs about 4kB'],
  ['too little for a connection, month', budgeted('{ month: 9kB }'), '6:22 uplinks[0].budget.month: `month` is too little: a connection alone costs about 4kB'],
  ['a day above its month', budgeted('{ day: 3MB, month: 2MB }'), '6:20 uplinks[0].budget.day: `day` 3MB is more than `month` 2MB'],
  ['billing day 0', budgeted('{ month: 2MB, billingDay: 0 }'), '6:39 uplinks[0].budget.billingDay: `billingDay` must be a whole number from 1 to 31, found the number 0'],
  ['billing day 32', budgeted('{ month: 2MB, billingDay: 32 }'), '6:39 uplinks[0].budget.billingDay: `billingDay` must be a whole number from 1 to 31, found the number 32'],
  ['billing day in words', budgeted('{ month: 2MB, billingDay: last }'), '6:39 uplinks[0].budget.billingDay: `billingDay` must be a whole number from 1 to 31, found the text "last"'],
  ['billing day without a month', budgeted('{ day: 2MB, billingDay: 5 }'), '6:25 uplinks[0].budget.billingDay: `billingDay` says when a month begins, and there is no `month`'],
  ['reserve as a share', budgeted('{ day: 2MB, reserve: 20% }'), '6:34 uplinks[0].budget.reserve: `reserve` must be a group of keys, found the text "20%"'],
  ['reserve for nobody', budgeted('{ day: 2MB, reserve: { share: 20% } }'), '6:34 uplinks[0].budget.reserve: `class` is missing in `reserve`'],
  ['reserve of nothing', budgeted('{ day: 2MB, reserve: { class: live, share: 0% } }'), '6:56 uplinks[0].budget.reserve.share: a reserve of 0% is none'],
  ['reserve of all', budgeted('{ day: 2MB, reserve: { class: live, share: 100% } }'), '6:56 uplinks[0].budget.reserve.share: all of the budget is for `live`'],
  ['reserve as a number', budgeted('{ day: 2MB, reserve: { class: live, share: 0.2 } }'), '6:56 uplinks[0].budget.reserve.share: `share` must be a percentage from 0% to 100%, found the number 0.2'],
  ['reserve for a class without a route', budgeted('{ day: 2MB, reserve: { class: alarm, share: 20% } }'), '6:43 uplinks[0].budget.reserve.class: no route has the class `alarm`'],
  ['counted in a way of its own', budgeted('{ day: 2MB, counts: interfaces }'), '6:33 uplinks[0].budget.counts: `counts` must be auto, interface or connection, found the text "interfaces"'],
  ['interface of no name', budgeted('{ day: 2MB, counts: interface }'), '6:33 uplinks[0].budget.counts: which interface is to be counted is not known'],
  ['interface of a command', uplink('dial: { command: [up] }\nbudget: { day: 2MB, counts: interface }'), '7:33 uplinks[0].budget.counts: which interface is to be counted is not known'],
]

const modem = (sbd: string): string => uplink(`sbd: ${sbd}`)

export const sbdMistakes: readonly Case[] = [
  ['a bare port', modem('/dev/ttyUSB0'), '6:10 uplinks[0].sbd: `sbd` must be a group of keys, found the text "/dev/ttyUSB0"'],
  ['no port', modem('{}'), '6:10 uplinks[0].sbd: `port` is missing in `sbd`'],
  ['half a path', modem('{ port: ttyUSB0 }'), '6:18 uplinks[0].sbd.port: `port` must be a device file such as /dev/ttyUSB0, found the text "ttyUSB0"'],
  ['a TCP port', modem('{ port: 1883 }'), '6:18 uplinks[0].sbd.port: `port` must be a device file such as /dev/ttyUSB0, found the number 1883'],
  ['a rate that no modem has', modem('{ port: /dev/x, baud: 19201 }'), '6:32 uplinks[0].sbd.baud: `baud` must be 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200, found the number 19201'],
  ['flow control in words', modem('{ port: /dev/x, flowControl: hardware }'), '6:39 uplinks[0].sbd.flowControl: `flowControl` must be none or rts-cts, found the text "hardware"'],
  ['message without unit', modem('{ port: /dev/x, maxBytes: 340 }'), '6:36 uplinks[0].sbd.maxBytes: `maxBytes` has no unit: 340 of what?'],
  ['message too large', modem('{ port: /dev/x, maxBytes: 2kB }'), '6:36 uplinks[0].sbd.maxBytes: `maxBytes` must be a size from 50B to 1960B, found the text "2kB"'],
  ['six bars', modem('{ port: /dev/x, minSignal: 6 }'), '6:37 uplinks[0].sbd.minSignal: `minSignal` must be a whole number from 0 to 5, found the number 6'],
  ['checks too often', modem('{ port: /dev/x, check: 1m }'), '6:33 uplinks[0].sbd.check: `check` must be a duration from 3m to 30d, or never, found the text "1m"'],
  ['key of a sensor', modem('{ port: /dev/x, parity: none }'), '6:26 uplinks[0].sbd.parity: unknown key `parity` in `sbd`'],
  ['with a dial', modem('{ port: /dev/x }\ndial: { modem: lte }'), '7:11 uplinks[0].dial: a modem for short messages has no `dial`'],
  ['one modem, two links', uplink('links: [{ name: a, sbd: { port: /dev/x } }, { name: b, sbd: { port: /dev/x } }]'), '6:65 uplinks[0].links[1].sbd: the modem at /dev/x belongs to two links, as in `uplinks[0].links[0]`'],
]

export const kernelMistakes: readonly Case[] = [
  ['1-wire: no address', sensor('oneWire: { poll: 1m }'), '3:35 sensors[0].oneWire: `address` is missing in `oneWire`'],
  ['1-wire: capital letters', sensor('oneWire: { address: 28-0000034A5A5D }'), '3:46 sensors[0].oneWire.address: `address` must be the address of a thermometer, such as 28-0000034a5a5d, found the text "28-0000034A5A5D"'],
  ['1-wire: another family', sensor('oneWire: { address: 01-0000034a5a5d }'), '3:46 sensors[0].oneWire.address: `address` must be the address of a thermometer, such as 28-0000034a5a5d, found the text "01-0000034a5a5d"'],
  ['1-wire: faster than it converts', sensor('oneWire: { address: 28-0000034a5a5d, poll: 500ms }'), '3:69 sensors[0].oneWire.poll: `poll` must be a duration from 1s to 1d, found the text "500ms"'],
  ['a number that changes', sensor('iio: { device: iio:device0 }'), '3:41 sensors[0].iio.device: `device` is a number that changes between boots: iio:device0'],
  ['a number that changes, hwmon', sensor('hwmon: { chip: hwmon2 }'), '3:41 sensors[0].hwmon.chip: `chip` is a number that changes between boots: hwmon2'],
  ['a number that changes, thermal', sensor('thermal: { zone: thermal_zone0 }'), '3:43 sensors[0].thermal.zone: `zone` is a number that changes between boots: thermal_zone0'],
  ['no channels', sensor('iio: { device: a, channels: [] }'), '3:54 sensors[0].iio.channels: `channels` is empty'],
  ['a channel twice', sensor('iio: { device: a, channels: [temp, temp] }'), '3:61 sensors[0].iio.channels[1]: the channel "temp" is named twice'],
  ['a name with a blank', sensor('iio: { device: a, channels: { a b: temp } }'), '3:56 sensors[0].iio.channels.a b: the key `a b` is not a name of letters, digits, - and _ (64 at most)'],
  ['a disk by its device', sensor('system: { disks: { data: sda1 } }'), '3:51 sensors[0].system.disks.data: `data` must be a path, found the text "sda1"'],
  ['chip for device', sensor('iio: { chip: bme280 }'), '3:31 sensors[0].iio: `device` is missing in `iio`', '3:33 sensors[0].iio.chip: unknown key `chip` in `iio`'],
]

const gpio = (keys: string): string => sensor(`gpio: { ${keys} }`)
const output = (keys: string): string => `${S}outputs:\n  - { name: a, command: t/set, state: t, ${keys} }`

export const gpioMistakes: readonly Case[] = [
  ['no line', gpio('activeLow: true'), '3:32 sensors[0].gpio: `gpio` names no line'],
  ['two lines', gpio('line: GPIO17, pin: 11'), '3:53 sensors[0].gpio.pin: `gpio` has both `line` and `pin`'],
  ['pin 0', gpio('pin: 0'), '3:39 sensors[0].gpio.pin: `pin` must be a whole number from 1 to 400, found the number 0'],
  ['a pin by its name', gpio('pin: GPIO17'), '3:39 sensors[0].gpio.pin: `pin` must be a whole number from 1 to 400, found the text "GPIO17"'],
  ['a line by its number', gpio('line: 17'), '3:40 sensors[0].gpio.line: `line` must be the name of a line, or "LABEL:OFFSET", found the number 17'],
  ['spelling', gpio('pin: 11, active_low: true'), '3:43 sensors[0].gpio.active_low: unknown key `active_low` in `gpio`'],
  ['input', gpio('pin: 11, input: pulses'), '3:50 sensors[0].gpio.input: `input` must be level, edges, press or counter, found the text "pulses"'],
  ['pull', gpio('pin: 11, pull: high'), '3:49 sensors[0].gpio.pull: `pull` must be up, down or none, found the text "high"'],
  ['debounce without a unit', gpio('pin: 11, debounce: 20'), '3:53 sensors[0].gpio.debounce: `debounce` has no unit: 20 of what?'],
  ['a key of another input', gpio('pin: 11, save: 10s'), '3:43 sensors[0].gpio.save: `save` says nothing of `input: level`'],
  ['an edge of a press', gpio('pin: 11, input: press, edge: rising'), '3:57 sensors[0].gpio.edge: `edge` says nothing of `input: press`'],
  ['poll', gpio('pin: 11, input: counter, poll: 1ms'), '3:65 sensors[0].gpio.poll: `poll` must be a duration from 10ms to 1m, found the text "1ms"'],
  ['a wildcard in reset', gpio('pin: 11, input: counter, reset: a/#'), '3:66 sensors[0].gpio.reset: `reset` "a/#" has a wildcard'],
  ['a value that it does not give', sensor('gpio: { pin: 11, input: counter }, values: { count: }'), '3:78 sensors[0].values.count: the sensor gives no `count`'],
]

export const outputMistakes: readonly Case[] = [
  ['no command', `${S}outputs:\n  - { name: a, state: t, gpio: { pin: 11 } }`, '3:5 outputs[0]: `command` is missing in `outputs[0]`'],
  ['no line', output('gpio: {}'), '3:48 outputs[0].gpio: `gpio` names no line'],
  ['one topic for both', `${S}outputs:\n  - { name: a, command: t, state: t, gpio: { pin: 11 } }`, '3:35 outputs[0].state: `state` and `command` are the same topic'],
  ['start', output('gpio: { pin: 11 }, start: high'), '3:68 outputs[0].start: `start` must be off, on or last, found the text "high"'],
  ['a boolean for on', output('gpio: { pin: 11 }, start: true'), '3:68 outputs[0].start: `start` must be off, on or last, found true'],
  ['drive', output('gpio: { pin: 11, drive: open_drain }'), '3:66 outputs[0].gpio.drive: `drive` must be push-pull, open-drain or open-source, found the text "open_drain"'],
  ['pull of an output', output('gpio: { pin: 11, pull: up }'), '3:59 outputs[0].gpio.pull: unknown key `pull` in `gpio`'],
  ['fail-safe of nothing', output('gpio: { pin: 11 }, failSafe: { state: off }'), '3:71 outputs[0].failSafe: `failSafe` has no `clientGone` and no `uplinkGone`'],
  ['fail-safe without a state', output('gpio: { pin: 11 }, failSafe: { clientGone: 30s }'), '3:71 outputs[0].failSafe: `state` is missing in `failSafe`'],
  ['an uplink that there is not', output('gpio: { pin: 11 }, failSafe: { state: off, uplinkGone: { name: cloud, after: 10m } }'), '3:105 outputs[0].failSafe.uplinkGone.name: there is no uplink "cloud"'],
  ['safe at the stop without a fail-safe', output('gpio: { pin: 11 }, atStop: failSafe'), '3:69 outputs[0].atStop: `atStop: failSafe` needs a `failSafe`'],
  ['a tenant that there is not', output('tenant: farm, gpio: { pin: 11 }'), '3:50 outputs[0].tenant: there is no tenant "farm"'],
  ['two of a name', `${output('gpio: { pin: 11 }')}\n  - { name: a, command: u/set, state: u, gpio: { pin: 13 } }`, '4:13 outputs[1].name: the output name `a` is used twice, as in `outputs[0]`'],
  ['two of a topic', `${output('gpio: { pin: 11 }')}\n  - { name: b, command: t/set, state: t, gpio: { pin: 13 } }`, '4:25 outputs[1].command: the command topic `t/set` is used twice, as in `outputs[0]`', '4:39 outputs[1].state: the state topic `t` is used twice, as in `outputs[0]`'],
]

const onBoard = (board: string, ...sensors: string[]): string => `${S}board: ${board}\nsensors:\n${sensors.map((keys, i) => `  - { name: s${i}, topic: t${i}, ${keys} }\n`).join('')}`
const onPi = (...sensors: string[]): string => onBoard('rpi-4', ...sensors)

export const boardMistakes: readonly Case[] = [
  ['unknown board', onBoard('rpi-6'), '2:8 board: there is no board "rpi-6"'],
  ['a number', onBoard('4'), '2:8 board: `board` must be auto, the name of a board, or the path of a profile with a slash, found the number 4'],
  ['a profile that is not there', onBoard('./mine.yaml'), '2:8 board: /site/mine.yaml cannot be read'],
  ['unknown key', onBoard('{ id: rpi-4, enabled: [] }'), '2:21 board.enabled: unknown key `enabled` in `board`'],
  ['unknown UART', onBoard('{ id: rpi-4, enable: [uart-6] }'), '2:30 board.enable[0]: Raspberry Pi 4 Model B has no uart-6'],
  ['a device for a UART', onBoard('{ enable: [/dev/ttyS0] }'), '2:19 board.enable[0]: "/dev/ttyS0" is no UART and no bus'],
  ['twice', onBoard('{ id: rpi-4, enable: [spi-0, spi-0] }'), '2:37 board.enable[1]: spi-0 is listed twice'],
  ['two at the same pins', onBoard('{ id: rpi-4, enable: [uart-4, spi-0] }'), '2:38 board.enable[1]: spi-0 and uart-4 are both at pin 21 of Raspberry Pi 4 Model B'],
  ['1-wire at the pins of another bus', onBoard('{ id: rpi-4, enable: [spi-0, "one-wire:GPIO8"] }'), '2:37 board.enable[1]: one-wire and spi-0 are both at pin 24 of Raspberry Pi 4 Model B'],
  ['1-wire at ground', onBoard('{ id: rpi-4, enable: ["one-wire:pin 9"] }'), '2:30 board.enable[0]: pin 9 of Raspberry Pi 4 Model B is ground'],
  ['SPI at another line', onBoard('{ id: rpi-4, enable: ["spi-0:GPIO5"] }'), '2:30 board.enable[0]: the lines of spi-0 are fixed'],
]

export const lineMistakes: readonly Case[] = [
  ['ground', onPi('gpio: { pin: 6 }'), '4:41 sensors[0].gpio.pin: pin 6 of Raspberry Pi 4 Model B is ground'],
  ['a supply', onPi('gpio: { pin: 2 }'), '4:41 sensors[0].gpio.pin: pin 2 of Raspberry Pi 4 Model B is the 5V supply'],
  ['no such pin', onPi('gpio: { pin: 41 }'), '4:41 sensors[0].gpio.pin: Raspberry Pi 4 Model B has no pin 41'],
  ['no such name', onPi('gpio: { line: GPIO28 }'), '4:42 sensors[0].gpio.line: Raspberry Pi 4 Model B has no line that is called GPIO28'],
  ['a name of another board', onPi('gpio: { line: PAC.06 }'), '4:42 sensors[0].gpio.line: Raspberry Pi 4 Model B has no line that is called PAC.06'],
  ['a chip of another board', onPi('gpio: { line: "pinctrl-rp1:17" }'), '4:42 sensors[0].gpio.line: Raspberry Pi 4 Model B has no GPIO chip "pinctrl-rp1"'],
  ['a line behind the last', onPi('gpio: { line: "pinctrl-bcm2711:58" }'), '4:42 sensors[0].gpio.line: pinctrl-bcm2711 has no line 58'],
  ['a line of the board itself', onPi('gpio: { line: "pinctrl-bcm2711:42" }'), '4:42 sensors[0].gpio.line: line 42 of pinctrl-bcm2711 is not on the header of Raspberry Pi 4 Model B: the board uses it itself'],
  ['a name that means two lines', onBoard('jetson-agx-orin', 'gpio: { line: GPIO17 }'), '4:42 sensors[0].gpio.line: Jetson AGX Orin has no line that is called GPIO17'],
  ['a pin of one purpose', onBoard('jetson-nano', 'gpio: { pin: 3 }'), '4:41 sensors[0].gpio.pin: pin 3 of Jetson Nano is I2C1_SDA, and no GPIO'],
  ['an output as input', onBoard('jetson-agx-orin', 'gpio: { pin: 11 }'), '4:41 sensors[0].gpio.pin: PR.04 (pin 11) is an output only: the board lets nothing through the other way'],
  ['a pull that the chip has not', onBoard('jetson-orin-nano', 'gpio: { pin: 7, pull: up }'), '4:50 sensors[0].gpio.pull: the kernel cannot switch pull resistors of tegra234-gpio: `pull: up` would do nothing'],
  ['a pull against a resistor', onPi('gpio: { pin: 3, pull: down }'), '4:50 sensors[0].gpio.pull: GPIO2 (pin 3) is pulled up by a resistor on the board: `pull: down` cannot win'],
  ['two owners by name, pin and chip', onPi('gpio: { line: GPIO17 }', 'gpio: { pin: 11 }', 'gpio: { line: "pinctrl-bcm2711:17" }'),
    '5:41 sensors[1].gpio.pin: GPIO17 (pin 11) belongs to the sensor `s0` already (as GPIO17)', '6:42 sensors[2].gpio.line: GPIO17 (pin 11) belongs to the sensor `s0` already (as GPIO17)'],
  ['two owners, board unknown', onBoard('auto', 'gpio: { line: GPIO17 }', 'gpio: { line: GPIO17 }'), '5:42 sensors[1].gpio.line: GPIO17 belongs to the sensor `s0` already'],
  ['a sensor and an output', `${onPi('gpio: { line: GPIO17 }')}outputs:\n  - { name: pump, command: a, state: b, gpio: { pin: 11 } }`, '6:54 outputs[0].gpio.pin: GPIO17 (pin 11) belongs to the sensor `s0` already (as GPIO17)'],
  ['a line of an enabled bus', onBoard('{ id: rpi-4, enable: [spi-0] }', 'gpio: { line: GPIO8 }'), '4:42 sensors[0].gpio.line: GPIO8 (pin 24) belongs to SPI 0, which `board.enable` lists'],
  ['a line of a bus that a sensor uses', onBoard('{ id: rpi-5, enable: [i2c-1] }', 'iio: { device: "bme280 1-0076" }', 'gpio: { pin: 3 }'), '5:41 sensors[1].gpio.pin: GPIO2 (pin 3) belongs to I²C 1, which `board.enable` lists'],
  ['a line of a UART that a sensor reads', onPi('serial: { path: /dev/ttyS0 }', 'gpio: { line: GPIO15 }'), '5:42 sensors[1].gpio.line: GPIO15 (pin 10) belongs to the mini UART, which the sensor `s0` uses'],
]

export const portMistakes: readonly Case[] = [
  ['even parity on the mini UART', onPi('serial: { path: /dev/ttyS0, parity: even }'), '4:64 sensors[0].serial.parity: 8E1 cannot be had on /dev/ttyS0: the mini UART has no parity, and notices no breaks and no framing errors'],
  ['odd parity, by the name of a link', onPi('serial: { path: /dev/serial0, parity: odd, dataBits: 7 }'), '4:66 sensors[0].serial.parity: 7O1 cannot be had on /dev/serial0: the mini UART has no parity, and notices no breaks and no framing errors'],
  ['two stop bits on the mini UART', onPi('serial: { path: /dev/ttyS1, stopBits: 2 }'), '4:66 sensors[0].serial.stopBits: 8N2 cannot be had on /dev/ttyS1: the mini UART has no two stop bits, and notices no breaks and no framing errors'],
  ['a UART that Bluetooth has', onPi('serial: { path: /dev/ttyAMA0 }'), '4:44 sensors[0].serial.path: the PL011 of Raspberry Pi 4 Model B belongs to Bluetooth until the boot files say otherwise, and `board.enable` does not list uart-0'],
  ['a UART that is off', onPi('serial: { path: /dev/ttyAMA3 }'), '4:44 sensors[0].serial.path: UART 3 of Raspberry Pi 4 Model B is off until the boot files say otherwise, and `board.enable` does not list uart-3'],
  ['a UART that another has replaced', onBoard('{ id: rpi-4, enable: [uart-0] }', 'serial: { path: /dev/ttyS0 }'), '4:44 sensors[0].serial.path: /dev/ttyS0 is the mini UART, and the PL011 is in its place: `board.enable` lists uart-0'],
  ['a UART of another board', onPi('serial: { path: /dev/ttyTHS1 }'), '4:44 sensors[0].serial.path: Raspberry Pi 4 Model B has no /dev/ttyTHS1'],
  ['too fast', onBoard('{ id: rpi-4, enable: [uart-3] }', 'serial: { path: /dev/ttyAMA3, baud: 4000000 }'), '4:64 sensors[0].serial.baud: UART 3 (/dev/ttyAMA3) does 3000000 baud at most'],
  ['one UART by two names', onBoard('{ id: rpi-4, enable: [uart-0] }', 'serial: { path: /dev/ttyAMA0 }', 'serial: { path: /dev/serial0 }'), '5:44 sensors[1].serial.path: /dev/serial0 is the PL011 and belongs to the sensor `s0` already (as /dev/ttyAMA0)'],
  ['a sensor and a modem', `${onBoard('auto', 'serial: { path: /dev/x }')}uplinks: [{ name: sat, url: mqtt://h, routes: [{ out: a/# }], sbd: { port: /dev/x } }]`, '5:76 uplinks[0].sbd.port: the serial port /dev/x belongs to the sensor `s0` already'],
  ['a Modbus bus and a receiver', `${onBoard('auto', 'nmea: { serial: { path: /dev/x } }')}buses: [{ name: rs485, modbus: { serial: { path: /dev/x } } }]`, '4:52 sensors[0].nmea.serial.path: the serial port /dev/x belongs to the bus `rs485` already'],
  ['8E1 for Modbus on the mini UART', `${onPi('simulate: { kind: sine }')}buses: [{ name: rs485, modbus: { serial: { path: /dev/ttyS0, parity: even } } }]`, '5:70 buses[0].modbus.serial.parity: 8E1 cannot be had on /dev/ttyS0: the mini UART has no parity, and notices no breaks and no framing errors'],
  ['1-wire that is off', onPi('oneWire: { address: 28-0000051e8a2f }'), '4:37 sensors[0].oneWire: 1-wire of Raspberry Pi 4 Model B is off until the boot files say otherwise, and `board.enable` does not list one-wire'],
  ['1-wire that the board cannot have', onBoard('jetson-nano', 'oneWire: { address: 28-0000051e8a2f }'), '4:37 sensors[0].oneWire: no way is known to have 1-wire at the header of Jetson Nano'],
  ['I²C that is off', onBoard('rpi-5', 'iio: { device: "i2c 1-0076" }'), '4:43 sensors[0].iio.device: I²C 1 of Raspberry Pi 5 is off until the boot files say otherwise, and `board.enable` does not list i2c-1'],
  ['SPI that is off', onPi('iio: { device: "mcp3208 spi0.0" }'), '4:43 sensors[0].iio.device: SPI 0 of Raspberry Pi 4 Model B is off until the boot files say otherwise, and `board.enable` does not list spi-0'],
]

export const nmeaMistakes: readonly Case[] = [
  ['nmea: no line', sensor('nmea: { setsClock: true }'), '3:32 sensors[0].nmea: `nmea` has no `serial` or `tcp`'],
  ['nmea: two lines', sensor('nmea: { serial: { path: /dev/x }, tcp: h }'), '3:60 sensors[0].nmea.tcp: `nmea` has both `serial` and `tcp`'],
  ['nmea: port 0', sensor('nmea: { tcp: "h:0" }'), '3:39 sensors[0].nmea.tcp: `tcp` "h:0" is not a host or host:port'],
  ['nmea: a URL', sensor('nmea: { tcp: "tcp://h:1" }'), '3:39 sensors[0].nmea.tcp: `tcp` "tcp://h:1" is not a host or host:port'],
  ['nmea: a path alone', sensor('nmea: { serial: /dev/ttyAMA0 }'), '3:42 sensors[0].nmea.serial: `serial` must be a group of keys, found the text "/dev/ttyAMA0"'],
]

const struct = (fields: string, more = ''): string => serial(`decode: { struct: [${fields}]${more} }`)

export const serialMistakes: readonly Case[] = [
  ['flow control in words', sensor('serial: { path: /dev/x, flowControl: hardware }'), '3:63 sensors[0].serial.flowControl: `flowControl` must be none, rts-cts or xon-xoff, found the text "hardware"'],
  ['two kinds of frames', serial('frame: { length: 4, gap: 20ms }'), '3:72 sensors[0].frame.gap: `frame` has both `length` and `gap`'],
  ['a frame without an end', serial('frame: { start: "<" }'), '3:59 sensors[0].frame: `frame` has no `delimiter` or `length` or `lengthPrefix` or `end` or `gap`'],
  ['a frame without a start', serial('frame: { end: ">" }'), '3:59 sensors[0].frame: `start` is missing in `frame`'],
  ['start bytes as long as the frame', serial('frame: { length: 2, start: BM }'), '3:79 sensors[0].frame.start: `start` has 2 bytes and the frame 2'],
  ['a frame longer than it may be', serial('frame: { length: 5000 }'), '3:59 sensors[0].frame: a frame of 5000 bytes is longer than `maxFrame` 4000B'],
  ['a length inside the start bytes', serial('frame: { lengthPrefix: { bytes: 1, at: 1 }, start: BM }'), '3:91 sensors[0].frame.lengthPrefix.at: the length stands at 1, inside the 2 start bytes'],
  ['a length of three bytes', serial('frame: { lengthPrefix: { bytes: 3 } }'), '3:84 sensors[0].frame.lengthPrefix.bytes: `bytes` must be 1, 2 or 4, found the number 3'],
  ['a gap too short to be seen', serial('frame: { gap: 1ms }'), '3:66 sensors[0].frame.gap: `gap` must be a duration from 2ms to 1m, found the text "1ms"'],
  ['a checksum nobody knows', serial('checksum: md5'), '3:62 sensors[0].checksum: `checksum` must be crc16-modbus, crc16-ccitt, crc8, sum8, sum16, xor8, or a group with `kind`, found the text "md5"'],
  ['a question without words', serial('poll: { request: "" }'), '3:69 sensors[0].poll.request: `request` is empty'],
  ['a question with an unknown escape', serial("poll: { request: 'R\\q' }"), '3:69 sensors[0].poll.request: `request` "R\\q" has an unknown escape'],
  ['an answer waited for longer than the next question', serial('poll: { request: R, every: 1s, timeout: 2s }'), '3:92 sensors[0].poll.timeout: `timeout` is longer than `every`'],
  ['readings that come back as commands', serial('write: { topic: t }'), '3:68 sensors[0].write.topic: the readings go to `t` too'],
  ['commands of a wildcard', serial('write: { topic: t/# }'), '3:68 sensors[0].write.topic: `topic` "t/#" has a wildcard'],
  ['a layout without fields', struct(''), '3:70 sensors[0].decode.struct: `struct` is empty'],
  ['a type of another language', struct('{ name: v, type: u16 }'), '3:88 sensors[0].decode.struct[0].type: `type` must be uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32, float64, bcd, bool or char, found the text "u16"'],
  ['text without a length', struct('{ name: v, type: char }'), '3:71 sensors[0].decode.struct[0]: the field `v` does not say how long it is'],
  ['a number with another length', struct('{ name: v, type: uint16, bytes: 3 }'), '3:103 sensors[0].decode.struct[0].bytes: uint16 has 2 bytes, not 3'],
  ['bits of a fraction', struct('{ name: v, type: float32, bits: 1 }'), '3:103 sensors[0].decode.struct[0].bits: float32 has no bits to choose from'],
  ['a bit that is not there', struct('{ name: v, type: uint8, bits: 8 }'), '3:101 sensors[0].decode.struct[0].bits: uint8 has bits 0 to 7, not 8'],
  ['bits the wrong way round', struct('{ name: v, type: uint8, bits: 7-4 }'), '3:101 sensors[0].decode.struct[0].bits: `bits` 7-4 is the wrong way round'],
  ['two fields of one name', struct('{ name: v, type: uint8 }, { name: v, type: uint8 }'), '3:105 sensors[0].decode.struct[1].name: the field `v` is named twice, as in `sensors[0].decode.struct[0]`'],
  ['a frame too short for its fields', struct('{ name: v, type: uint32 }', ', bytes: 3'), '3:106 sensors[0].decode.bytes: the fields take 4 bytes, and `bytes` is 3'],
]

const bus = (modbus: string): string => `${S}buses:\n  - { name: b, modbus: ${modbus} }\n`
const slave = (keys: string, line = '{ serial: { path: /dev/x } }'): string => `${bus(line)}sensors:\n  - { name: a, topic: t, modbus: { ${keys} } }`
const read = (keys: string): string => slave(`bus: b, slave: 3, read: [{ name: v, ${keys} }]`)
const write = (keys: string): string => slave(`bus: b, slave: 3, write: [{ topic: w, ${keys} }]`)

export const modbusMistakes: readonly Case[] = [
  ['a bus without a line', bus('{ timeout: 1s }'), '3:24 buses[0].modbus: `modbus` has no `serial` or `tcp`'],
  ['a server without a host', bus('{ tcp: ":502" }'), '3:31 buses[0].modbus.tcp: `tcp` ":502" is not a host or host:port'],
  ['a server at no port', bus('{ tcp: "plc:70000" }'), '3:31 buses[0].modbus.tcp: `tcp` "plc:70000" is not a host or host:port'],
  ['an address without brackets', bus('{ tcp: "fd00::5" }'), '3:31 buses[0].modbus.tcp: `tcp` "fd00::5" is not a host or host:port'],
  ['two buses of one name', `${S}buses:\n  - { name: b, modbus: { tcp: x } }\n  - { name: b, modbus: { tcp: y } }`, '4:13 buses[1].name: the bus name `b` is used twice, as in `buses[0]`'],
  ['two buses of one server', `${S}buses:\n  - { name: b, modbus: { tcp: x } }\n  - { name: c, modbus: { tcp: "x:502" } }`, '4:24 buses[1].modbus: two buses are at x:502, as in `buses[0]`'],
  ['a bus that is not there', slave('bus: c, slave: 3, read: [{ name: v, holding: 0 }]'), '5:41 sensors[0].modbus.bus: there is no bus `c`'],
  ['a port that a sensor has too', `${slave('bus: b, slave: 3, read: [{ name: v, holding: 0 }]')}\n  - { name: s, topic: u, serial: { path: /dev/x } }`, '6:42 sensors[1].serial.path: the serial port /dev/x belongs to the bus `b` already'],
  ['slave 0 on a line', slave('bus: b, slave: 0, read: [{ name: v, holding: 0 }]'), '5:51 sensors[0].modbus.slave: a slave on a serial line is 1 to 247, not 0'],
  ['nothing to do', slave('bus: b, slave: 3'), '5:34 sensors[0].modbus: `modbus` has nothing to read or to write'],
  ['a value of no table', read('type: uint16'), '5:61 sensors[0].modbus.read[0]: `read[0]` has no `holding` or `input` or `coil` or `discrete`'],
  ['a value of two tables', read('holding: 0, input: 0'), '5:84 sensors[0].modbus.read[0].input: `read[0]` has both `holding` and `input`'],
  ['an address of a manual', read('holding: 400052'), '5:81 sensors[0].modbus.read[0].holding: `holding` must be a whole number from 0 to 65535, found the number 400052'],
  ['a number behind the end', read('holding: 65535, type: uint32'), '5:81 sensors[0].modbus.read[0].holding: uint32 at 65535 ends behind 65535'],
  ['a string without a length', read('holding: 0, type: string'), '5:61 sensors[0].modbus.read[0]: the string `v` does not say how long it is'],
  ['a number with another length', read('holding: 0, type: float32, registers: 1'), '5:110 sensors[0].modbus.read[0].registers: float32 has 2 registers'],
  ['bits of a signed number', read('holding: 0, type: int16, bits: 3'), '5:103 sensors[0].modbus.read[0].bits: int16 has no bits to choose from'],
  ['a type of a coil', read('coil: 0, type: uint16'), '5:81 sensors[0].modbus.read[0].type: unknown key `type` in `read[0]`'],
  ['a value larger than a request', slave('bus: b, slave: 3, maxRegisters: 2, read: [{ name: v, holding: 0, type: float64 }]'), '5:78 sensors[0].modbus.read[0]: float64 has 4 registers, and `maxRegisters` is 2'],
  ['a value that is avoided', slave('bus: b, slave: 3, avoid: { holding: [4, 10-19] }, read: [{ name: v, holding: 9, type: uint32 }]'), '5:93 sensors[0].modbus.read[0]: the value `v` stands in what `avoid` forbids'],
  ['a range the wrong way round', slave('bus: b, slave: 3, avoid: { holding: [19-10] }, read: [{ name: v, holding: 0 }]'), '5:73 sensors[0].modbus.avoid.holding[0]: `holding[0]` 19-10 is not a range'],
  ['one name twice', slave('bus: b, slave: 3, read: [{ name: v, holding: 0 }, { name: v, holding: 1 }]'), '5:94 sensors[0].modbus.read[1].name: the value `v` is read twice, as in `sensors[0].modbus.read[0]`'],
  ['input registers cannot be written', write('input: 0'), '5:62 sensors[0].modbus.write[0]: `write[0]` has no `holding` or `coil`'],
  ['a string cannot be written', write('holding: 0, type: string'), '5:92 sensors[0].modbus.write[0].type: `type` must be uint16, int16, uint32, int32, uint64, int64, float32 or float64, found the text "string"'],
]

export const announceMistakes: readonly Case[] = [
  ['somebody unknown', `${S}announce: { homeassistant: {} }`, '2:13 announce.homeassistant: unknown key `homeassistant` in `announce`'],
  ['two levels', `${S}announce: { homeAssistant: { prefix: a/b } }`, '2:38 announce.homeAssistant.prefix: `prefix` must be one level of a topic, found the text "a/b"'],
  ['a wildcard', `${S}announce: { sparkplug: { group: + } }`, '2:33 announce.sparkplug.group: `group` must be one level of a topic, found the text "+"'],
  ['nothing given', `${S}announce: { sparkplug: true }`, '2:24 announce.sparkplug: `sparkplug` must be a group of keys, found true'],
  [
    'a sensor and an output of one name are one device',
    `${S}sensors:\n${named('pump', 't', 'simulate: { kind: sine }, every: 1s')}outputs: [{ name: pump, gpio: { line: GPIO1 }, command: a, state: b }]\nannounce: { sparkplug: {} }`,
    '4:19 outputs[0].name: a sensor is called `pump` too: to Sparkplug both are the same device',
  ],
]

export const staleMistakes: readonly Case[] = [
  ...['level', 'edges', 'press'].map((input): Case => [`a quiet line, ${input}`, sensor(`staleAfter: 1m, gpio: { line: GPIO1, input: ${input} }`), `3:38 sensors[0].staleAfter: a quiet line is not stale: \`input: ${input}\` tells of changes only`]),
  ...['edges', 'press'].map((input): Case => [`an event told again, ${input}`, sensor(`maxSilence: 1m, gpio: { line: GPIO1, input: ${input} }`), `3:38 sensors[0].maxSilence: \`input: ${input}\` tells what happened: told again it would have happened twice`]),
]

export const commandMistakes: readonly Case[] = [
  ['readings that reset their counter', sensor('gpio: { line: GPIO1, input: counter, reset: t }'), '3:70 sensors[0].gpio.reset: the readings go to `t` too'],
  [
    'readings that are written to their slave',
    `${S}buses: [{ name: b, modbus: { tcp: h } }]\nsensors:\n  - { name: a, topic: t, modbus: { bus: b, slave: 1, read: [{ name: v, holding: 0, type: uint16 }], write: [{ topic: t, holding: 0, type: uint16 }] } }`,
    '4:118 sensors[0].modbus.write[0].topic: the readings go to `t` too',
  ],
]
