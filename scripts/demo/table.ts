// The screen: on a terminal a table that is written over itself, elsewhere a line every few seconds and the story as it goes on.
import { stripVTControlCharacters, styleText } from 'node:util'
import { count, type Row } from './account.ts'
import type { DemoGateway } from './gateway.ts'
import type { Link } from './link.ts'

const REDRAW_MS = 200
/** Lines of the table without its events. */
const FIXED_LINES = 19
const EVENTS = { min: 2, max: 8 }
const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
const CLEAR_REST_OF_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

export interface Scene {
  readonly gateway: DemoGateway
  readonly link: Link
  readonly cloudTitle: string
  readonly rows: () => Row[]
  readonly lengthSec: number
}

const SAID = { up: 'the link is slow', cut: 'the link is cut', silent: 'the link is silent' } as const

type Style = Parameters<typeof styleText>[0]

export class Table implements Disposable {
  readonly #scene: Scene
  readonly #out = process.stdout
  readonly #live = process.stdout.isTTY === true && process.stdout.rows > FIXED_LINES + EVENTS.min
  readonly #beganMs = performance.now()
  readonly #events: string[] = []
  readonly #timer: NodeJS.Timeout
  #drawnLines = 0

  /** `lineSec`: how often a line is printed when there is no terminal. */
  constructor(scene: Scene, lineSec: number) {
    this.#scene = scene
    if (this.#live) this.#out.write(HIDE_CURSOR)
    this.#timer = setInterval(() => this.#show(), this.#live ? REDRAW_MS : lineSec * 1000)
  }

  get elapsedSec(): number {
    return (performance.now() - this.#beganMs) / 1000
  }

  /** What happens now. */
  tell(text: string): void {
    this.#events.push(`${clock(this.elapsedSec)}  ${text}`)
    if (this.#live) this.#draw()
    else this.#out.write(`${this.#events.at(-1)}\n`)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#show()
    if (this.#live) this.#out.write(SHOW_CURSOR)
  }

  #show(): void {
    if (this.#live) this.#draw()
    else this.#out.write(`${this.#line()}\n`)
  }

  #draw(): void {
    const { columns = 80, rows = 24 } = this.#out
    const events = Math.min(EVENTS.max, Math.max(EVENTS.min, rows - 1 - FIXED_LINES))
    const lines = this.#lines(events).map((line) => clip(line, columns - 1) + CLEAR_REST_OF_LINE)
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : ''
    this.#out.write(`${up}\r${lines.join('\n')}\n${CLEAR_BELOW}`)
    this.#drawnLines = lines.length
  }

  #lines(events: number): string[] {
    const { rows, lengthSec } = this.#scene
    const [one, two] = rows() as [Row, Row]
    const time = `${clock(this.elapsedSec)} of about ${clock(lengthSec)}`
    const pair = (name: string, of: (row: Row) => number, note: string, style: (row: Row) => Style = () => 'reset'): string =>
      `   ${name.padEnd(14)}${styleText(style(one), count(of(one)).padStart(11))}${styleText(style(two), count(of(two)).padStart(13))}   ${dim(note)}`
    const zero = (of: (row: Row) => number, must: (row: Row) => boolean) => (row: Row): Style => (!must(row) ? 'reset' : of(row) === 0 ? 'green' : ['red', 'bold'])
    const both = (name: string, n: number | null | undefined, note: string, style: Style): string => `   ${name.padEnd(20)}${styleText(style, (n === null || n === undefined ? '–' : count(n)).padStart(11))}${' '.repeat(7)}   ${dim(note)}`
    const figures = this.#scene.gateway.figures
    return [
      ` ${styleText('bold', 'Sandpiper: what is acknowledged arrives')}${time.padStart(39)}`,
      '',
      ...this.#picture(),
      '',
      `${' '.repeat(17)}${styleText('bold', `QoS ${one.qos}`.padStart(11) + `QoS ${two.qos}`.padStart(13))}`,
      dim(`${' '.repeat(17)}${one.topic.padStart(11)}${two.topic.padStart(13)}`),
      pair('produced', (r) => r.produced, 'by a device that never stops'),
      pair('acknowledged', (r) => r.acknowledged, 'the gateway said: it is safe'),
      pair('on its way', (r) => r.onItsWay, 'acknowledged, not yet at the cloud'),
      both('  on flash', figures?.queued, 'held until the cloud has them', 'cyan'),
      both('  in flight', figures?.inFlight, 'sent, not fully answered yet', 'cyan'),
      pair('at the cloud', (r) => r.atCloud, 'different messages, counted there', () => 'bold'),
      pair('lost', (r) => r.lost, 'acknowledged, but not there', zero((r) => r.lost, () => true)),
      pair('duplicated', (r) => r.duplicates, 'QoS 1 may, QoS 2 must not', zero((r) => r.duplicates, (r) => r.qos === 2)),
      pair('out of order', (r) => r.disordered, '', zero((r) => r.disordered, () => true)),
      '',
      ...this.#story(events),
    ]
  }

  /** The way of a message, with what is broken in it. */
  #picture(): string[] {
    const { gateway, link, cloudTitle } = this.#scene
    const alive = gateway.running
    const name = alive ? styleText('green', 'gateway') : styleText(['red', 'bold'], 'KILLED ')
    const line = { up: dim('────────────────────►'), cut: styleText('red', '───────── ╳ ·········'), silent: styleText('yellow', '──────── · · · · · · ·') }[link.state]
    const memory = gateway.residentMb
    const under = alive ? `life ${gateway.lives}${memory === null ? '' : `, ${memory} MB`}` : ''
    const phase = gateway.figures?.phase
    const said = `${SAID[link.state]}${phase === undefined ? '' : `; uplink: ${phase}`}`
    return [`   device ${dim('──────►')} ${name} ${line} cloud (${cloudTitle})`, `                  ${dim(under.padEnd(18))}${link.state === 'up' ? dim(said) : said}`]
  }

  /** The last events; the newest is what is happening now. */
  #story(events: number): string[] {
    const last = this.#events.slice(-events)
    const lines = last.map((text, i) => (i === last.length - 1 ? styleText(['bold', 'yellow'], ` ► ${text}`) : dim(`   ${text}`)))
    return [...lines, ...Array.from({ length: events - last.length }, () => '')]
  }

  #line(): string {
    const { gateway, rows } = this.#scene
    const figures = gateway.figures
    const streams = rows().map((r) => `QoS ${r.qos}: produced ${r.produced}, acknowledged ${r.acknowledged}, at the cloud ${r.atCloud}, lost ${r.lost}, duplicated ${r.duplicates}`)
    const held = gateway.running ? `on flash ${figures?.queued ?? '–'}, in flight ${figures?.inFlight ?? '–'}` : 'no gateway'
    return `${clock(this.elapsedSec)}    ${[...streams, held].join(' | ')}`
  }
}

function dim(text: string): string {
  return styleText('dim', text)
}

function clip(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line)
  return plain.length <= columns ? line : plain.slice(0, columns)
}

export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`
}
