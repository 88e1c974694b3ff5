// A gateway of a test with what it tells the cloud and takes from it. Time is the gateway's, which only the test moves.
import { tmpdir } from 'node:os'
import { Configuration } from '../../src/configuration/configuration.ts'
import { writerOf } from '../../src/configuration/writer.ts'
import { withLights } from '../../src/ops/lights.ts'
import type { StatusAlarm } from '../../src/ops/status.ts'
import { Remote, type RemoteDeps } from '../../src/remote/remote.ts'
import { TestGateway, type TestGatewayOptions } from './gateway.ts'

export class RemoteBed implements AsyncDisposable {
  readonly gateway: TestGateway
  alarms: readonly StatusAlarm[] = []
  readonly said: { readonly fields: object; readonly text: string }[] = []
  #remote!: Remote
  readonly #more: Partial<RemoteDeps>

  private constructor(gateway: TestGateway, more: Partial<RemoteDeps>) {
    this.gateway = gateway
    this.#more = more
  }

  /** `yaml`: sections after `site` and `broker`. */
  static async start(yaml: string, options: TestGatewayOptions = {}, more: Partial<RemoteDeps> = {}): Promise<RemoteBed> {
    const whole = yaml.includes('broker:') ? `site: test\n${yaml}` : `site: test\nbroker: { listeners: [{ port: 0 }], sysInterval: 0s }\n${yaml}`
    const bed = new RemoteBed(await TestGateway.start({ ...options, yaml: whole }), more)
    await bed.#start()
    return bed
  }

  /** Both, as when the process is started anew. */
  async restart(downSec = 0): Promise<void> {
    await this.#remote.stop()
    await this.gateway.restart(downSec)
    await this.#start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remote.stop()
    await this.gateway[Symbol.asyncDispose]()
  }

  async #start(): Promise<void> {
    const { gateway, clock } = this.gateway
    const note = (fields: object, text: string): void => void this.said.push({ fields, text })
    const log = { debug() {}, info: note, warn: note, error: note }
    const none = { clock, log, gateway, file: null, state: null, folder: tmpdir(), detectedBoard: null, writer: writerOf({ file: '', runtime: null }, clock), moment: () => ({ boot: 'test', sinceBootMs: clock.now() }), accepted: () => {}, keep: () => {}, restart: () => {} }
    this.#remote = await Remote.of(gateway.config.remote, {
      clock,
      log,
      gateway,
      version: '1.2.3',
      status: () => withLights({ version: '1.2.3', boot: '', config: { source: 'file', digest: '', trouble: null }, ...gateway.status, alarms: this.alarms, lastError: null }, gateway, clock.wall()),
      configuration: new Configuration(none, { source: 'default', digest: '', trouble: null }, { text: 'site: test\n', secrets: [] }),
      makeBundle: null,
      ...this.#more,
    })
    this.#remote.start()
  }
}
