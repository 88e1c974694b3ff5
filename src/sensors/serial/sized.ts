// Frames of known length: the same for all, or told by each frame itself.
// Rules:
// - A silence of gapMs begins a new frame: what was unfinished is called out as cut. That is how a line that was joined in the middle of
//   a frame finds the beginning of one, and it needs no timer: the silence is seen when the next byte comes.
// - With start bytes, a frame begins where they stand, and what stands before them is skipped. Where more than frameBytesMax of it
//   come, it is called out as one that is too long.
// - A length that cannot be (over frameBytesMax, or shorter than what stands before its end) is called out as too long, and all is
//   skipped up to a silence, or to the next start bytes.
// - frameBytesMax holds for the whole frame.
import type { Clock } from '../../clock.ts'
import type { FrameConfig, LengthPrefixConfig } from '../../config/config.ts'
import type { FrameFault, Framer, FrameSink } from './frame.ts'
import { HeldBytes } from './held.ts'
import { Matcher } from './matcher.ts'

type Sized = Extract<FrameConfig, { kind: 'length' | 'length-prefix' }>

export class SizedFramer implements Framer {
  readonly #frame: Sized
  readonly #start: Matcher | null
  readonly #bytesMax: number
  readonly #sink: FrameSink
  readonly #clock: Clock
  readonly #held: HeldBytes
  /** Where bytes belong: searched for start bytes, of the frame, or skipped up to a silence. */
  #where: 'search' | 'frame' | 'skip'
  /** Bytes of the whole frame; 0 while its length has not come. */
  #wanted = 0
  #outside = 0
  #lastAtMs = -Infinity

  constructor(frame: Sized, bytesMax: number, sink: FrameSink, clock: Clock) {
    this.#frame = frame
    this.#start = frame.start.length > 0 ? new Matcher(frame.start) : null
    this.#bytesMax = Math.max(bytesMax, frame.kind === 'length' ? frame.bytes : headBytes(frame))
    this.#sink = sink
    this.#clock = clock
    this.#held = new HeldBytes(this.#bytesMax)
    this.#where = this.#beginning()
  }

  push(chunk: Buffer): void {
    const nowMs = this.#clock.now()
    if (nowMs - this.#lastAtMs >= this.#frame.gapMs) this.#onSilence()
    this.#lastAtMs = nowMs
    for (let i = 0; i < chunk.length; i++) this.#take(chunk[i]!)
  }

  reset(): void {
    this.#begin()
    this.#lastAtMs = -Infinity
  }

  #onSilence(): void {
    if (this.#where === 'frame' && this.#held.length > 0) this.#sink.skipped('cut')
    this.#begin()
  }

  #begin(): void {
    this.#where = this.#beginning()
    this.#held.clear()
    this.#start?.reset()
    this.#wanted = this.#frame.kind === 'length' ? this.#frame.bytes : 0
    this.#outside = 0
  }

  #beginning(): 'search' | 'frame' {
    return this.#start === null ? 'frame' : 'search'
  }

  #take(byte: number): void {
    if (this.#where === 'skip') return
    if (this.#where === 'search') this.#search(byte)
    else this.#add(byte)
  }

  #search(byte: number): void {
    if (this.#start!.push(byte)) {
      this.#where = 'frame'
      for (const first of this.#frame.start) this.#held.add(first)
      this.#check()
    } else if (++this.#outside > this.#bytesMax) {
      this.#outside = 0
      this.#sink.skipped('too-long')
    }
  }

  #add(byte: number): void {
    this.#held.add(byte)
    this.#check()
  }

  #check(): void {
    const { length } = this.#held
    if (this.#frame.kind === 'length-prefix' && this.#wanted === 0 && length === headBytes(this.#frame)) {
      this.#wanted = wantedBytes(this.#frame, this.#held)
      if (this.#wanted < length || this.#wanted > this.#bytesMax) {
        this.#giveUp('too-long')
        return
      }
    }
    if (length === this.#wanted) this.#finish()
  }

  #giveUp(reason: FrameFault): void {
    this.#sink.skipped(reason)
    this.#begin()
    if (this.#start === null) this.#where = 'skip'
  }

  #finish(): void {
    const first = this.#frame.kind === 'length' || this.#frame.include ? 0 : headBytes(this.#frame)
    const { length } = this.#held
    this.#begin()
    if (length > first) this.#sink.frame(this.#held.view(first, length))
  }
}

/** The bytes up to the end of the length, or of the start bytes where there is none. */
function headBytes(frame: Sized): number {
  return frame.kind === 'length' ? frame.start.length : Math.max(frame.start.length, frame.at + frame.prefixBytes)
}

function wantedBytes(frame: LengthPrefixConfig, held: HeldBytes): number {
  const { at, prefixBytes, endian } = frame
  const field = held.view(at, at + prefixBytes)
  const told = endian === 'big' ? field.readUIntBE(0, prefixBytes) : field.readUIntLE(0, prefixBytes)
  return told + frame.trailerBytes + (frame.counts === 'rest' ? at + prefixBytes : 0)
}
