// The AT command line of a modem: one command at a time, and the answer to it or to none.
//
//   run ─► AT… CR ─► information line or block ─► OK · ERROR         the answer
//                └─► READY ─► the payload ─► 0…3 ─► OK               a command that takes bytes
//                └─► nothing in time, or something else than that    no answer: the owner finds its way back with AT
//
// What is always true: a command is answered exactly once, or never when the port is closed. What comes unasked (SBDRING, +CIEV) is told at any
// time and is no answer. OK without the information that was asked for is taken for the end of an earlier command, unless
// something unreadable came before it: then it may be ours.
import type { Clock, Timer } from '../../clock.ts'
import { AtParser } from './at-parser.ts'

export interface AtCommand {
  /** Without the CR at its end. */
  readonly text: string
  /** The information line that its answer must have; null when OK is all. */
  readonly information: RegExp | null
  /** The answer is a block of bytes. */
  readonly block?: boolean
  /** Sent when the modem says READY. */
  readonly payload?: Uint8Array
  /** Information that ends the answer without an OK. */
  readonly last?: string
  readonly timeoutMs: number
}

export type AtAnswer =
  | {
      readonly kind: 'ok'
      readonly information: string
      /** For a command with a block only. */
      readonly block: Buffer | null
      /** The modem repeated the command before it answered: it has not been told otherwise since it started. */
      readonly echoed: boolean
    }
  | { readonly kind: 'error' }
  /** It came, but not as it was sent. */
  | { readonly kind: 'damaged' }
  | { readonly kind: 'silence' }

/** Lines that come without having been asked for. */
const UNASKED = /^(SBDRING$|\+CIEV:|\+AREG:|HARDWARE FAILURE:)/

interface Running {
  readonly command: AtCommand
  readonly done: (answer: AtAnswer) => void
  information: string | null
  block: Buffer | null
  echoed: boolean
  unreadable: boolean
  isSent: boolean
}

export class AtPort {
  readonly #write: (bytes: Uint8Array) => void
  readonly #clock: Clock
  readonly #unasked: (line: string) => void
  readonly #parser: AtParser
  #running: Running | null = null
  #timer: Timer | null = null
  /** Lines that were neither an answer nor known. */
  unreadable = 0

  constructor(write: (bytes: Uint8Array) => void, clock: Clock, unasked: (line: string) => void) {
    this.#write = write
    this.#clock = clock
    this.#unasked = unasked
    this.#parser = new AtParser({
      line: (text) => this.#onLine(text),
      block: (bytes) => {
        if (this.#running !== null) this.#running.block = bytes
      },
      blockDamaged: () => this.#answer({ kind: 'damaged' }),
    })
  }

  feed(chunk: Uint8Array): void {
    this.#parser.push(chunk)
  }

  /** Only when no other command is running. `done` is called in a later turn. */
  run(command: AtCommand, done: (answer: AtAnswer) => void): void {
    this.#running = { command, done, information: null, block: null, echoed: false, unreadable: false, isSent: command.payload === undefined }
    this.#parser.reset()
    if (command.block === true) this.#parser.awaitBlock()
    this.#timer = this.#clock.after(command.timeoutMs, () => this.#answer({ kind: 'silence' }))
    this.#write(Buffer.from(`${command.text}\r`, 'latin1'))
  }

  /** The command that runs gets no answer any more. */
  close(): void {
    this.#timer?.cancel()
    this.#running = null
  }

  #onLine(line: string): void {
    if (UNASKED.test(line)) {
      this.#unasked(line)
      return
    }
    const running = this.#running
    if (running === null) {
      this.unreadable++
      return
    }
    const { command } = running
    if (line !== '' && line === command.text.trim()) running.echoed = true
    else if (line === 'READY' && !running.isSent) {
      running.isSent = true
      this.#write(command.payload!)
    } else if (line === 'ERROR' || (line === '4' && command.information === null)) this.#answer({ kind: 'error' })
    else if (line === 'OK' || (line === '0' && command.information === null)) this.#onOk(running)
    else if (command.information?.test(line) === true) this.#onInformation(running, line)
    else {
      this.unreadable++
      running.unreadable = true
    }
  }

  #onInformation(running: Running, line: string): void {
    running.information = line
    if (line === running.command.last) this.#answer({ kind: 'ok', information: line, block: null, echoed: running.echoed })
  }

  #onOk({ command, information, block, echoed, unreadable }: Running): void {
    const isMissing = command.block === true ? block === null : command.information !== null && information === null
    if (!isMissing) this.#answer({ kind: 'ok', information: information ?? '', block, echoed })
    else if (unreadable) this.#answer({ kind: 'damaged' })
  }

  #answer(answer: AtAnswer): void {
    const running = this.#running
    if (running === null) return
    this.#timer?.cancel()
    this.#running = null
    running.done(answer)
  }
}
