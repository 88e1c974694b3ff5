// How long bytes are on a serial line. A character is its start bit, its data, its parity and its stop bits.
import type { SerialPortConfig } from '../../config/config.ts'

export function characterMs(serial: Pick<SerialPortConfig, 'baud' | 'dataBits' | 'parity' | 'stopBits'>): number {
  const bits = 1 + serial.dataBits + (serial.parity === 'none' ? 0 : 1) + serial.stopBits
  return (bits * 1000) / serial.baud
}
