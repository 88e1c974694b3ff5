// What a program that dials has printed: the last lines, for the sentence that says why it failed. However much it prints, what is kept is
// bounded, and what looks like a password or a PIN is never in it.
import type { Readable } from 'node:stream'
import type { Clock } from '../../clock.ts'

const LINES_MAX = 3
const LINE_CHARS_MAX = 200

/** `password=…`, `AT+CPIN="…"`, and the login dialogue of a chat script. */
const NAMED = /((?:pass(?:word|wd|phrase|code)?|pwd|pin|puk|secret|token)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s)]+)/gi
const SENT_BY_CHAT = /\b(send \()[^)]*/g
const IN_URL = /(:\/\/[^\s/:@]*:)[^\s/@]+@/g
/** `word:` is what chat scripts wait for before they send a password. */
const SECRET_NAME = /(pass|password|passwd|passphrase|passcode|pwd|pin|puk|secret|token|word:)$/i

export class Output {
  readonly #secrets: readonly string[]
  #lines: string[] = []

  /** `argv`: the command, whose secrets are not repeated. */
  constructor(argv: readonly string[]) {
    this.#secrets = secretsOf(argv)
  }

  /** The line as it may be shown. */
  add(line: string): string {
    const shown = this.#hide(line.replaceAll(/\p{C}/gu, '').trim()).slice(0, LINE_CHARS_MAX)
    if (shown !== '') this.#lines = [...this.#lines, shown].slice(-LINES_MAX)
    return shown
  }

  /** Empty when it has printed nothing. */
  get last(): string {
    return this.#lines.join(' / ')
  }

  #hide(line: string): string {
    const named = line.replaceAll(NAMED, '$1…').replaceAll(SENT_BY_CHAT, '$1…').replaceAll(IN_URL, '$1…@')
    return this.#secrets.reduce((text, secret) => text.replaceAll(secret, '…'), named)
  }
}

/** Arguments whose name, or the argument before them, says that they are secret. One of three characters would hide half of every line. */
function secretsOf(argv: readonly string[]): string[] {
  return argv
    .flatMap((argument, i) => {
      const [, name, value] = /^(.+?)=(.+)$/.exec(argument) ?? []
      if (name !== undefined && SECRET_NAME.test(name)) return [value!.replaceAll('"', '')]
      return SECRET_NAME.test(argv[i - 1] ?? '') ? [argument] : []
    })
    .filter((secret) => secret.length > 3)
}

const PARTIAL_CHARS_MAX = 4000

/** Cuts what comes in pieces into lines; of a line that does not end the beginning is kept. */
export class LineSplitter {
  readonly #onLine: (line: string) => void
  #rest = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  add(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]+/)
    this.#rest = lines.pop()!.slice(0, PARTIAL_CHARS_MAX)
    for (const line of lines) if (line !== '') this.#onLine(line)
  }

  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest)
    this.#rest = ''
  }
}

/** How often a program may fill OUTPUT_BYTES_PER_POLL, and how long after its end its last words are waited for. */
export const POLL_MS = 250
const OUTPUT_BYTES_PER_POLL = 65_536

/** Resolves when the stream ends. A program that floods us is paused: it waits in its own write. */
export function readLines(stream: Readable, clock: Clock, onLine: (line: string) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const lines = new LineSplitter(onLine)
  let bytes = 0
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    lines.add(text)
    bytes += text.length
    if (bytes < OUTPUT_BYTES_PER_POLL) return
    bytes = 0
    stream.pause()
    clock.after(POLL_MS, () => void stream.resume())
  })
  stream.once('error', () => resolve())
  stream.once('close', () => {
    lines.end()
    resolve()
  })
  return promise
}
