// chrony's sources (chrony.conf(5)), beside what the image says of it once for all (image/rootfs/etc/chrony/chrony.conf).
import type { TimeConfig } from '../config/config.ts'
import { CHRONY_SOCKET } from '../chrony-socket.ts'

/** Seconds by which receivers' sentences come later or earlier from second to second. */
const GPS_PRECISION_SEC = 0.05
/** Seconds of doubt about the delay of a serial line: servers, where there are any, hold against it. */
const GPS_DOUBT_SEC = 0.4

export function chronyConf({ servers, gpsSensor, gpsDelaySec, step }: TimeConfig): string {
  const sources = servers.map(({ host, isPool }) => `${isPool ? 'pool' : 'server'} ${host} iburst${isPool ? ' maxsources 2' : ''}`)
  const gps = gpsSensor === null ? [] : [`refclock SOCK ${CHRONY_SOCKET} refid GPS poll 4 precision ${GPS_PRECISION_SEC} offset ${gpsDelaySec} delay ${GPS_DOUBT_SEC}`]
  const steps = { start: ['makestep 1 3'], always: ['makestep 1 -1'], never: [] }[step]
  return `# Made from gateway.yaml at each start: changes here do not last.\n${[...sources, ...gps, ...steps].join('\n')}\n`
}
