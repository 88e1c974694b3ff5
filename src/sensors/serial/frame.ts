// Bytes of a serial line → frames: chunks in, calls out; a chunk may be cut anywhere. One file per way to tell where a frame ends.
//
//   line, delimiter   up to the bytes that end it                     delimited.ts
//   length            so many bytes, at their start bytes or gap      sized.ts
//   length-prefix     as many bytes as it says itself                 sized.ts
//   slip              RFC 1055                                        slip.ts
//   between           from its start bytes to its end bytes           between.ts
//   gap               up to a silence                                 gap.ts
//
// Rules, for all of them:
// - Empty frames are none: a device's idle delimiters ("\r\n\r\n") are no news.
// - A frame longer than frameBytesMax is called out once, when it becomes too long, and skipped to the place where the next can begin.
//   A line at the wrong speed shows no end of a frame for minutes: it must be seen in the counters before that.
// - Memory is at most frameBytesMax and what surrounds a frame; it is kept, so that a steady stream allocates nothing.
// - The frame given out is a view of that memory, valid during the call only.
import type { Clock } from '../../clock.ts'
import type { FrameConfig } from '../../config/config.ts'
import { BetweenFramer } from './between.ts'
import { DelimitedFramer } from './delimited.ts'
import { GapFramer } from './gap.ts'
import { SizedFramer } from './sized.ts'
import { SlipFramer } from './slip.ts'

export interface Framer {
  push(chunk: Buffer): void
  /** Forgets an unfinished frame, and lets a timer go: the port was opened anew, and what follows does not belong to it. */
  reset(): void
}

/**
 * Why bytes made no frame. too-long: over frameBytesMax. cut: a silence, or the next frame's start, came before its end. bad-escape: a
 * SLIP escape that is none.
 */
export type FrameFault = 'too-long' | 'cut' | 'bad-escape'

export interface FrameSink {
  frame(frame: Buffer): void
  skipped(reason: FrameFault): void
}

export function makeFramer(frame: FrameConfig, frameBytesMax: number, sink: FrameSink, clock: Clock): Framer {
  switch (frame.kind) {
    case 'line':
      return new DelimitedFramer(Buffer.from('\n'), true, frameBytesMax, sink)
    case 'delimiter':
      return new DelimitedFramer(frame.delimiter, false, frameBytesMax, sink)
    case 'length':
    case 'length-prefix':
      return new SizedFramer(frame, frameBytesMax, sink, clock)
    case 'slip':
      return new SlipFramer(frameBytesMax, sink)
    case 'between':
      return new BetweenFramer(frame, frameBytesMax, sink)
    case 'gap':
      return new GapFramer(frame.gapMs, frameBytesMax, sink, clock)
  }
}
