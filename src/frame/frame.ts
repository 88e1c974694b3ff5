// The door of this room: batch frames, which carry many messages as one PUBLISH. ../uplink/FRAME.md has the format byte by byte.
//
//   messages ──FrameEncoder──► frame (bytes) ──► broker, modem, file ──► frame ──FrameDecoder──► the same messages
//                  │                                                                │
//                  └── dictionary: topics, shapes, what columns are like ───────────┘ learned from the frames, named by its checksum
//
// What is always true
//   1. What comes out is what went in: topic, payload byte for byte, QoS, retain, properties, time with its quality, sequence, expiry.
//   2. A frame is decoded with nothing but its bytes and the dictionary that it names; one that carries its dictionary names none.
//   3. A decoder never trusts its input: it answers, or throws FrameError, in bounded time and memory.
//
// Pure: no clock, no randomness, no input or output. Nothing here knows of uplinks.
export { type DecodedFrame, decodeFrame, FrameDecoder, frameHeader, type FrameNeeds } from './decode.ts'
export { type EncodedFrame, FrameEncoder, type FrameEncoderOptions } from './encode.ts'
export { Dictionary } from './dictionary.ts'
export { FrameError } from './error.ts'
export type { DictionaryPart, FrameHeader } from './header.ts'
export { type FrameMessage, STREAM_BYTES, TimeQuality } from './message.ts'
export { FrameReceiver, type FrameReceiverOptions, type Received } from './receiver.ts'
