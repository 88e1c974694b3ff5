// What the kernel knows of one TCP connection: TCP_INFO (tcp(7)), as `ss` of iproute2 prints it, because Node has no getsockopt.
//
//   wire bytes = payload, with what was sent again, + segments of both directions × header + the longer options of two SYNs
//
// What the other side sent and did not arrive is not known here: it is taken to lose as much as we do. ss is run for one socket, takes
// a few milliseconds, and is given up after a time-out.
import type { ExecFileException } from 'node:child_process'
import { type IpFamily, wireShape } from './wire-estimate.ts'

const TIMEOUT_MS = 2000
const OUTPUT_BYTES_MAX = 64 * 1024

/** Which socket: the ports are enough, as no other program uses ours. */
export interface Ports {
  readonly localPort: number
  readonly remotePort: number
}

export interface TcpInfo {
  /** Payload, with what was sent again. */
  readonly bytesSent: number
  readonly bytesSentAgain: number
  readonly bytesReceived: number
  readonly segmentsSent: number
  readonly segmentsReceived: number
  readonly timestamps: boolean
  /** Payload of one segment at most. */
  readonly segmentBytesMax: number
}

/** null: there is no such socket, or it is too far gone. `unavailable`: the system cannot tell, and will not. */
export type AskKernel = (ports: Ports) => Promise<TcpInfo | null | 'unavailable'>

export function wireBytes(info: TcpInfo, family: IpFamily): number {
  const { headerBytes, synBytes } = wireShape(family, info.timestamps)
  const sent = info.bytesSent + info.segmentsSent * headerBytes
  const received = info.bytesReceived + info.segmentsReceived * headerBytes
  const loss = info.bytesSent === 0 ? 0 : info.bytesSentAgain / info.bytesSent
  return sent + received * (1 + loss) + 2 * (synBytes - headerBytes)
}

/** What ss prints of a socket: `name:value` pairs, those that are 0 left out. null when the counters are not there. */
export function parseTcpInfo(text: string): TcpInfo | null {
  const number = (name: string): number => Number(new RegExp(String.raw`(?:^|\s)${name}:(\d+)(?=\s|$)`, 'm').exec(text)?.[1] ?? 0)
  const segmentsSent = number('segs_out')
  if (segmentsSent === 0) return null
  return {
    bytesSent: number('bytes_sent'),
    bytesSentAgain: number('bytes_retrans'),
    bytesReceived: number('bytes_received'),
    segmentsSent,
    segmentsReceived: number('segs_in'),
    timestamps: /\sts\s/.test(text),
    segmentBytesMax: number('mss'),
  }
}

export function askSs({ localPort, remotePort }: Ports): Promise<TcpInfo | null | 'unavailable'> {
  // -o: with the options of the connection, time stamps among them.
  const args = ['-tinoH', `sport = :${localPort} and dport = :${remotePort}`]
  // Loaded when a link is metered, and not by every gateway.
  const { execFile } = process.getBuiltinModule('node:child_process')
  return new Promise((resolve) => {
    const answered = (error: ExecFileException | null, stdout: string): void => {
      if (error === null) resolve(parseTcpInfo(stdout))
      else resolve(error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EPERM' ? 'unavailable' : null)
    }
    const options = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES_MAX, encoding: 'utf8' } as const
    try {
      execFile('ss', args, options, answered)
    } catch (error) {
      answered(error as ExecFileException, '') // no process to be had: EAGAIN, ENOMEM
    }
  })
}
