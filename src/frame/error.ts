// The one error of this room: bytes that are no frame, or messages that cannot be in one.

/** Its message is a sentence for a log: what is wrong, and where. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}
