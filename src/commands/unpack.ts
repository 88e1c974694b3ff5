// `sandpiper unpack`: frames become the messages that were put into them.
//
//   beside a broker   a gateway without listeners that takes frames from one remote and publishes their messages at another, or the same.
//                     Its state folder is its store: messages wait there, each once, until the target has them.
//   from files        one line of JSON for each message, on standard output
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { checkText } from '../config/load.ts'
import { reportProblems } from '../config/report.ts'
import { OperatorError } from '../errors.ts'
import { type DecodedFrame, FrameDecoder, FrameError, type FrameMessage, TimeQuality } from '../frame/frame.ts'

export interface UnpackWords {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly topic?: readonly string[] | undefined
  readonly state?: string | undefined
  readonly qos?: string | undefined
  readonly user?: string | undefined
  readonly 'password-file'?: string | undefined
  readonly ca?: string | undefined
  readonly 'to-user'?: string | undefined
  readonly 'to-password-file'?: string | undefined
  readonly 'to-ca'?: string | undefined
  readonly 'client-id'?: string | undefined
}

const ALL_FRAMES = 'sandpiper/+/frames'
const STATE = './unpacked'
const CLIENT_ID = 'sandpiper-unpack'
/** A file of frames is read whole. */
const FILE_BYTES_MAX = 256 * 1024 * 1024

/** The gateway that unpacks beside a broker. Throws E_USAGE with the sentence of the first thing that is wrong. */
export function unpackConfig(words: UnpackWords): Config {
  const { from } = words
  if (from === undefined) throw new OperatorError('E_USAGE', 'unpack needs the broker that has the frames: sandpiper unpack --from mqtts://HOST [--to mqtts://HOST] --state FOLDER')
  const isOther = words.to !== undefined
  const clientId = words['client-id'] ?? CLIENT_ID
  const qos = Number(words.qos ?? 2)
  const topics = words.topic ?? [ALL_FRAMES]
  const plain = {
    site: 'unpack',
    broker: { listeners: [], sysInterval: '0s' },
    store: { path: resolve(words.state ?? STATE) },
    history: { enabled: false },
    uplinks: [
      { name: 'from', clientId, metered: false, ...remote(from, words.user, words['password-file'], words.ca), routes: topics.map((topic) => ({ in: topic, qos: 2, unpack: true })) },
      {
        name: 'to',
        clientId: `${clientId}-out`,
        metered: false,
        ...(isOther ? remote(words.to!, words['to-user'], words['to-password-file'], words['to-ca']) : remote(from, words.user, words['password-file'], words.ca)),
        routes: [{ out: '#', qos, retain: true }],
      },
    ],
  }
  const result = checkText(JSON.stringify(plain, null, 1), 'the words of unpack', {})
  if ('problems' in result) {
    const { message, hint } = result.problems[0]!
    throw new OperatorError('E_USAGE', `${message}: ${hint}`)
  }
  if (result.warnings.length > 0) process.stderr.write(`${reportProblems(result.warnings, { fileName: 'unpack', text: result.text })}\n`)
  return result.config
}

function remote(url: string, username: string | undefined, passwordFile: string | undefined, ca: string | undefined): object {
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: { file: resolve(passwordFile) } }),
    ...(ca === undefined ? {} : { tls: { ca: resolve(ca) } }),
  }
}

/** What came of files of frames. */
export interface Unpacked {
  /** Frames that could not be read, and why. */
  readonly problems: readonly string[]
  readonly messages: number
}

/**
 * Writes the messages of the frames in `files` as lines of JSON, each once. A file is one frame as it is, or text with a frame in hexadecimal on
 * each line (`mosquitto_sub -F %x`). Dictionaries are looked for in all of them before anything is given up.
 */
export function unpackFiles(files: readonly string[], write: (line: string) => void): Unpacked {
  const problems: string[] = []
  const frames = files.flatMap((file) => framesOf(file).map((bytes, i, all) => ({ bytes, name: all.length === 1 ? file : `${file} line ${i + 1}` })))
  const decoder = new FrameDecoder()
  const decoded = frames.map(({ bytes }) => attempt(decoder, bytes))
  const seen = new Set<string>()
  let messages = 0
  for (const [i, { bytes, name }] of frames.entries()) {
    const frame = decoded[i] instanceof FrameError ? decoded[i] : attempt(decoder, bytes)
    if (frame instanceof FrameError) {
      problems.push(`${name}: ${frame.message}`)
      continue
    }
    for (const message of frame.messages) {
      const key = `${frame.stream.toString('hex')} ${message.sequence}`
      if (seen.has(key)) continue
      seen.add(key)
      write(`${JSON.stringify(lineOf(frame, message))}\n`)
      messages++
    }
  }
  return { problems, messages }
}

function attempt(decoder: FrameDecoder, bytes: Buffer): DecodedFrame | FrameError {
  try {
    const frame = decoder.decode(bytes)
    return frame.needs === null ? frame : new FrameError(`it needs the dictionary ${frame.needs}, which none of these frames brings`)
  } catch (error) {
    if (error instanceof FrameError) return error
    throw error
  }
}

function framesOf(file: string): Buffer[] {
  if (!existsSync(file)) throw new OperatorError('E_USAGE', `there is no file ${file}`)
  if (statSync(file).size > FILE_BYTES_MAX) throw new OperatorError('E_USAGE', `${file} is larger than ${FILE_BYTES_MAX / 1024 / 1024} MB: split it`)
  const bytes = readFileSync(file)
  const text = bytes.length > 0 && bytes.every((b) => b < 0x80) ? bytes.toString('latin1').trim() : ''
  if (!/^([0-9a-fA-F]{2}|\s)+$/.test(text)) return [bytes]
  return text.split(/\s+/).map((line) => Buffer.from(line, 'hex'))
}

const QUALITY = { [TimeQuality.unknown]: 'unknown', [TimeQuality.sinceBoot]: 'since-boot', [TimeQuality.synced]: 'synced' } as const

function lineOf({ stream }: DecodedFrame, m: FrameMessage): object {
  const payload = Buffer.from(m.payload)
  const text = payload.toString('utf8')
  return {
    stream: stream.toString('hex'),
    sequence: m.sequence,
    time: m.timeQuality === TimeQuality.synced ? new Date(m.timeMs).toISOString() : m.timeMs,
    timeQuality: QUALITY[m.timeQuality],
    topic: m.topic,
    qos: m.qos,
    retain: m.retain,
    ...(Buffer.from(text).equals(payload) ? { payload: text } : { payloadBase64: payload.toString('base64') }),
    ...(m.properties === null ? {} : { propertiesBase64: Buffer.from(m.properties).toString('base64') }),
    ...(m.expiresAfterSec === null ? {} : { expiresAfterSec: m.expiresAfterSec }),
  }
}
