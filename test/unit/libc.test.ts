// Calls of the C library that any Linux answers. Descriptors sent to a socket: test/vm/gpio.test.ts.
import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { clockIsSynchronised, ioctl, LibcError, sendDatagram, setNonBlocking } from '../../src/libc.ts'

const FIONREAD = 0x541bn

test('ioctl fills the structure', () => {
  const fd = openSync(import.meta.filename, 'r')
  const bytes = Buffer.alloc(4)
  expect(ioctl(fd, FIONREAD, bytes)).toBe(0)
  expect(bytes.readInt32LE(0)).toBeGreaterThan(100)
  setNonBlocking(fd)
  closeSync(fd)
})

test('a call that fails throws with the code of the system', () => {
  const thrown = (act: () => void): unknown => {
    try {
      act()
      return null
    } catch (error) {
      return error
    }
  }
  expect(thrown(() => ioctl(-1, FIONREAD, Buffer.alloc(4)))).toMatchObject({ code: 'EBADF', errno: 9, message: 'EBADF: bad file descriptor, ioctl' })
  expect(thrown(() => setNonBlocking(-1))).toBeInstanceOf(LibcError)
  expect(thrown(() => sendDatagram('@nobody-listens-here', 'x'))).toMatchObject({ code: 'ECONNREFUSED' })
  expect(thrown(() => sendDatagram('/nobody/listens/here', 'x', [0]))).toMatchObject({ code: 'ENOENT' })
  expect(thrown(() => sendDatagram('x'.repeat(108), 'x'))).toMatchObject({ message: expect.stringContaining('no socket can have the name') })
})

test('whether the clock is on time is asked, not set', () => {
  expect(clockIsSynchronised()).toBeTypeOf('boolean')
})
