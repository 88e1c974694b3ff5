// A real Chromium that opens pages of a gateway: Debian's, driven by playwright-core. What a page complains about is remembered, and every byte between it
// and the gateway is counted where it passes.
import { existsSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Browser as Chromium, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** For what a test waits for on a page: long on a busy machine, and short enough to be told what it was. */
const WAIT_MS_MAX = 12_000
const CHROMIUM = '/usr/bin/chromium'

export interface OpenOptions extends BrowserContextOptions {
  /** A token that the page has from the start, as after a login. */
  readonly token?: string
}

/** One window with nothing of any other: its storage goes with it. */
export class Tab implements AsyncDisposable {
  readonly page: Page
  /** What its console and its scripts have complained about. */
  readonly complaints: string[] = []
  readonly #context: BrowserContext

  constructor(context: BrowserContext, page: Page) {
    this.#context = context
    this.page = page
    page.setDefaultTimeout(WAIT_MS_MAX)
    page.on('console', (said) => void (['error', 'warning'].includes(said.type()) && this.complaints.push(`${said.text()} ${said.location().url}`)))
    page.on('pageerror', (error) => void this.complaints.push(error.stack ?? error.message))
  }

  /** Pixels that stand out to the right. */
  get overflowPx(): Promise<number> {
    return this.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close()
  }
}

export class Browser implements AsyncDisposable {
  readonly #chromium: Chromium

  private constructor(browser: Chromium) {
    this.#chromium = browser
  }

  static async start(): Promise<Browser> {
    if (!existsSync(CHROMIUM)) throw new Error('there is no Chromium: scripts/setup test installs it')
    // Tests run as root, where Chromium's sandbox does not start; its pages are ours.
    return new Browser(await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] }))
  }

  async open(url: string, { token, ...options }: OpenOptions = {}): Promise<Tab> {
    const context = await this.#chromium.newContext({ viewport: { width: 1280, height: 860 }, ...options })
    if (token !== undefined) await context.addInitScript(`sessionStorage.setItem('sandpiper.token', ${JSON.stringify(token)})`)
    const tab = new Tab(context, await context.newPage())
    await tab.page.goto(url)
    return tab
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chromium.close()
  }
}

/** Between a page and its gateway: counts what goes over the wire, in both directions. */
export class CountingProxy implements AsyncDisposable {
  bytes = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      for (const [from, to] of [[near, far], [far, near]] as const) {
        this.#sockets.add(from)
        from.on('data', (chunk: Buffer) => {
          this.bytes += chunk.length
          to.write(chunk)
        })
        from.on('error', () => {}).once('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
      }
    })
  }

  static async before(port: number): Promise<CountingProxy> {
    const proxy = new CountingProxy(port)
    await new Promise<void>((resolve) => void proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { readonly port: number }).port}/`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => void this.#server.close(resolve))
  }
}
