// CRC-32, as in zip and PNG. Node has it; what it is a part of is loaded by the first frame.

export function checksum(bytes: Uint8Array): number {
  return process.getBuiltinModule('node:zlib').crc32(bytes)
}
