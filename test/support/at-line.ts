// The command line of a simulated modem, as the ISU AT Command Reference has it: what is typed becomes commands, what is answered bytes.
//
//   - the AT prefix and what precedes it, upper or lower case, many commands in one line, 128 characters, A/, backspace, Ctrl-X
//   - echo (E), answers in words and in numbers (V) or none (Q), and a stored profile
export interface Profile {
  echo: boolean
  verbose: boolean
  quiet: boolean
}

const FACTORY: Profile = { echo: true, verbose: true, quiet: false }
const LINE_MAX = 128

export class AtLine {
  profile: Profile = { ...FACTORY }
  /** Command lines as they came, without their CR. */
  readonly heard: string[] = []
  readonly #run: (commands: readonly string[] | null) => void
  readonly #send: (bytes: Buffer) => void
  #stored: Profile = { ...FACTORY }
  #typed = ''
  #last = ''

  /** `run` gets the commands of a line, or null when it is none. */
  constructor(run: (commands: readonly string[] | null) => void, send: (bytes: Buffer) => void) {
    this.#run = run
    this.#send = send
  }

  /** As after power-up. */
  restart(): void {
    this.profile = { ...this.#stored }
    this.#typed = ''
  }

  store(profile: Partial<Profile> = this.profile): void {
    this.#stored = { ...FACTORY, ...profile }
  }

  forgetProfile(): void {
    this.profile = { ...FACTORY }
  }

  /** One character; the high bit means nothing. */
  type(byte: number): void {
    const code = byte & 0x7f
    if (this.profile.echo) this.#send(Buffer.of(code))
    if (code === 0x18) this.#typed = ''
    else if (code === 0x08 || code === 0x7f) this.#typed = this.#typed.slice(0, -1)
    else if (code === 0x0d) this.#onEnd()
    else if (code !== 0x0a) {
      this.#typed += String.fromCharCode(code)
      if (this.#typed.endsWith('A/')) this.#onLine(this.#last)
    }
  }

  information(text: string): void {
    if (!this.profile.quiet) this.#send(this.encode(text))
  }

  result(isOk: boolean): void {
    const { verbose, quiet } = this.profile
    if (!quiet) this.#send(Buffer.from(verbose ? `\r\n${isOk ? 'OK' : 'ERROR'}\r\n` : `${isOk ? 0 : 4}\r`))
  }

  encode(text: string): Buffer {
    return Buffer.from(this.profile.verbose ? `\r\n${text}\r\n` : `${text}\r\n`, 'latin1')
  }

  #onEnd(): void {
    const typed = this.#typed
    this.#typed = ''
    const at = typed.search(/AT|at/)
    if (at >= 0) this.#onLine(typed.slice(at))
  }

  #onLine(text: string): void {
    this.#typed = ''
    this.#last = text
    this.heard.push(text)
    this.#run(text.length > LINE_MAX ? null : commandsOf(text.slice(2)))
  }
}

/** `E0V1&K0+CGSN;+CSQ` apart; null when it is not a command line. */
function commandsOf(body: string): readonly string[] | null {
  if (/^\+sbdwt=/i.test(body)) return [`+SBDWT=${body.slice(7)}`] // all of it is the message
  const commands: string[] = []
  for (let rest = body.toUpperCase(); rest !== '';) {
    const found = /^(?:\+[A-Z]+\d?(?:=\?|\?|=[^;+]*)?|[&*]?[A-Z]\d*|;)/.exec(rest)?.[0]
    if (found === undefined) return null
    if (found !== ';') commands.push(found)
    rest = rest.slice(found.length)
  }
  return commands
}
