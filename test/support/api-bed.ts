// A gateway of a test with its API: over a port of loopback, and at its unix socket. Time is the gateway's, which only the test moves.
import { type IncomingMessage, request, type RequestOptions } from 'node:http'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Api, API_SOCKET } from '../../src/api/api.ts'
import { digestOf } from '../../src/config/digest.ts'
import { checkText } from '../../src/config/load.ts'
import { sourcesOf } from '../../src/config/watch.ts'
import { Configuration } from '../../src/configuration/configuration.ts'
import { writerOf } from '../../src/configuration/writer.ts'
import { withLights } from '../../src/ops/lights.ts'
import { LogRing } from '../../src/ops/log-ring.ts'
import { type Places, placesBelow } from '../../src/update/places.ts'
import { TestGateway, type TestGatewayOptions } from './gateway.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly bytes: Buffer
  /** undefined where it is no JSON. */
  readonly json: never
}

export interface AskOptions {
  readonly body?: unknown
  /** As it is, whatever it is. */
  readonly rawBody?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** At the unix socket. */
  readonly socket?: true
  /** Of `http.listeners`; default the first. */
  readonly listener?: number
  /** An answer that goes on (server-sent events) is left when its header is there. */
  readonly untilEvents?: true
  /** Given up after so long. */
  readonly msMax?: number
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const LISTENER = 'http: { listeners: [{ port: 0 }] }\n'

export class ApiBed implements AsyncDisposable {
  readonly gateway: TestGateway
  readonly api: Api
  readonly folder: string
  readonly configFile: string
  readonly configuration: Configuration
  /** Of an appliance: nothing is there. */
  readonly places: Places
  /** Why the gateway would have started itself anew. */
  readonly restarts: string[] = []
  /** Texts that were the last good one. */
  readonly kept: string[] = []
  /** What the log's routes tell. */
  readonly said = new LogRing()
  readonly log: { readonly level: string; readonly fields: Readonly<Record<string, unknown>>; readonly text: string }[] = []

  private constructor(gateway: TestGateway, folder: string, log: ApiBed['log']) {
    this.gateway = gateway
    this.folder = folder
    this.configFile = join(folder, 'gateway.yaml')
    this.log = log
    const write = (level: string) => (fields: object, text: string) => void log.push({ level, fields: fields as Record<string, unknown>, text })
    const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
    const text = readFileSync(this.configFile, 'utf8')
    const started = checkText(text, this.configFile)
    if ('problems' in started) throw new Error(started.problems[0]!.message)
    const { clock } = gateway
    this.configuration = new Configuration(
      {
        clock,
        log: logger,
        gateway: gateway.gateway,
        file: this.configFile,
        state: null,
        folder,
        detectedBoard: null,
        writer: writerOf({ file: this.configFile, runtime: null }, clock),
        moment: () => ({ boot: 'test', sinceBootMs: clock.now() }),
        accepted: ({ http }) => this.api.configure(http),
        keep: (accepted) => void this.kept.push(accepted),
        restart: (why) => void this.restarts.push(why),
      },
      { source: 'file', digest: digestOf(text), trouble: null },
      started,
    )
    this.configuration.start(sourcesOf(this.configFile, started.files))
    this.places = placesBelow(join(folder, 'machine'))
    this.api = new Api(gateway.gateway.config.http, {
      clock,
      log: logger,
      configuration: this.configuration,
      places: this.places,
      restart: (why) => void this.restarts.push(why),
      gateway: gateway.gateway,
      said: this.said,
      folder,
      mode: 0o600,
      status: () => withLights({ version: 'test', boot: '', config: this.configuration.inForce, ...gateway.gateway.status, lastError: null }, gateway.gateway, clock.wall()),
      program: [process.execPath, MAIN],
    })
  }

  /** `yaml`: a whole file, or sections after `site` and `broker`; without `http` a port of loopback is listened on. */
  static async start(yaml = '', options: TestGatewayOptions = {}): Promise<ApiBed> {
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-api-'))
    const whole = yaml.includes('site:') ? yaml : `site: test\nbroker: { listeners: [{ port: 0 }], sysInterval: 0s }\nstore: { path: ${folder}, commitWindow: 0s }\n${yaml}`
    const text = whole.includes('http:') ? whole : whole + LISTENER
    await writeFile(join(folder, 'gateway.yaml'), text)
    const gateway = await TestGateway.start({ ...options, folder: options.folder ?? folder, yaml: text })
    const bed = new ApiBed(gateway, folder, [])
    await bed.api.start()
    return bed
  }

  /** `GET /clients`: below /api/v1 unless the path has a dot at its beginning (`GET ./healthz`). */
  ask(what: string, { body, rawBody, headers = {}, socket, listener = 0, untilEvents, msMax = 60_000 }: AskOptions = {}): Promise<Answer> {
    const [method = 'GET', path = '/'] = what.split(' ')
    const text = rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
    const where: RequestOptions = socket === true ? { socketPath: join(this.folder, API_SOCKET) } : { host: '127.0.0.1', port: this.api.ports[listener]! }
    const options: RequestOptions = {
      ...where,
      method,
      path: path.startsWith('.') ? path.slice(1) : `/api/v1${path}`,
      headers: { connection: 'close', ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }), ...headers },
    }
    return new Promise((resolve, reject) => {
      const asked = request(options, (answer) => {
        if (untilEvents === true && /event-stream/.test(answer.headers['content-type'] ?? '')) {
          resolve({ status: answer.statusCode!, headers: answer.headers, text: '', bytes: Buffer.alloc(0), json: undefined as never })
          return void asked.destroy()
        }
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
          const bytes = Buffer.concat(chunks)
          const all = bytes.toString('utf8')
          const isJson = /json/.test(answer.headers['content-type'] ?? '') && all !== ''
          resolve({ status: answer.statusCode!, headers: answer.headers, text: all, bytes, json: (isJson ? JSON.parse(all) : undefined) as never })
        }).on('error', reject)
      })
      asked.on('error', reject).setTimeout(msMax, () => void asked.destroy(new Error('no answer')))
      asked.end(text)
    })
  }

  /** Server-sent events as they come, from when the first bytes are there. */
  listen(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Listening> {
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: this.api.ports[0]!, path: `/api/v1${path}`, headers }, (answer) => {
        const events: Listening['events'] = []
        let unread = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          const parts = (unread + chunk).split('\n\n')
          unread = parts.pop()!
          for (const part of parts) {
            const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? []
            if (name !== undefined) events.push({ name, data: JSON.parse(data!) as never })
          }
          resolve({ status: answer.statusCode!, events, answer, [Symbol.dispose]: () => void asked.destroy() })
        }).on('error', () => {})
      })
      asked.on('error', reject)
      asked.end()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.configuration.stop()
    await this.api.stop()
    await this.gateway[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true, force: true })
  }
}

export interface Listening extends Disposable {
  readonly status: number
  readonly events: { readonly name: string; readonly data: never }[]
  readonly answer: IncomingMessage
}

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}

export function basic(user: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}
