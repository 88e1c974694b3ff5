// What the system tells about serial ports: recorded trees, and a port that another process holds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { holdersOf, pluggedIn, twinsOf } from '../../src/serial-nodes.ts'
import { explainHolders, explainPortError, explainTwins } from '../../src/serial-trouble.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sandpiper-nodes-'))
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

async function link(path: string, to: string): Promise<void> {
  await mkdir(join(root, path, '..'), { recursive: true })
  await symlink(to, join(root, path))
}

async function file(path: string, text: string): Promise<void> {
  await mkdir(join(root, path, '..'), { recursive: true })
  await writeFile(join(root, path), text)
}

describe('names', () => {
  test('by-id names, and the by-path ones of devices that have none', async () => {
    await link('/dev/serial/by-id/usb-FTDI_A', '/dev/null')
    await link('/dev/serial/by-path/pci-0-port0', '/dev/null')
    await link('/dev/serial/by-path/pci-1-port0', '/dev/zero')
    await link('/dev/serial/by-path/pci-1-port0v2', '/dev/zero')
    await link('/dev/serial/by-path/pci-2-gone', '/dev/no-such-node')
    expect(await pluggedIn(root)).toEqual(['/dev/serial/by-id/usb-FTDI_A', '/dev/serial/by-path/pci-1-port0'])
  })

  test('nothing plugged in', async () => {
    expect(await pluggedIn(root)).toEqual([])
  })

  test('two devices that claim one by-id name are told apart by their plugs', async () => {
    const shared = '/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0'
    await link(shared, '/dev/zero')
    await link('/dev/serial/by-path/pci-0-port0', '/dev/null')
    await link('/dev/serial/by-path/pci-1-port0', '/dev/zero')
    await file('/run/udev/data/c1:3', 'S:serial/by-path/pci-0-port0\nS:serial/by-id/usb-1a86_USB_Serial-if00-port0\nE:ID_MODEL=x\n')
    expect(await twinsOf(shared, root)).toEqual([])
    await file('/run/udev/data/c1:5', 'S:serial/by-id/usb-1a86_USB_Serial-if00-port0\n')
    const twins = await twinsOf(shared, root)
    expect(twins).toEqual(['/dev/serial/by-path/pci-0-port0', '/dev/serial/by-path/pci-1-port0'])
    expect(explainTwins(shared, twins)).toContain('by its plug, /dev/serial/by-path/pci-0-port0 or /dev/serial/by-path/pci-1-port0')
    expect(await twinsOf('/dev/ttyUSB0', root)).toEqual([])
  })
})

describe('who has a port', () => {
  test('the console, and programs with their numbers', async () => {
    await file('/dev/ttyS0', '')
    await file('/proc/consoles', 'tty0                 -WU (EC p  )    4:7\nttyS0                -W- (EC   a)    4:64\n')
    await file('/proc/812/comm', 'ModemManager\n')
    await link('/proc/812/fd/3', '/dev/null')
    await link('/proc/812/fd/9', join(root, '/dev/ttyS0'))
    await file('/proc/900/comm', 'bash\n')
    await link(`/proc/${process.pid}/fd/4`, join(root, '/dev/ttyS0'))
    const holders = await holdersOf('/dev/ttyS0', root)
    expect(holders).toEqual(['the kernel (console= in its command line)', 'ModemManager (process 812)'])
    expect(explainPortError('Error Resource temporarily unavailable Cannot lock port', '/dev/ttyS0', [], 'serial.path', holders)).toMatch(
      /^the kernel .* and ModemManager \(process 812\) hold \/dev\/ttyS0: end it/,
    )
    expect(explainHolders('/dev/ttyS0', [])).toBe(null)
    expect(await holdersOf('/dev/ttyS1', root)).toEqual([])
  })

  test('a real process', async () => {
    const path = join(root, 'held')
    await writeFile(path, '')
    const holder = spawn('sleep', ['60'], { stdio: [openSync(path, 'r'), 'ignore', 'ignore'] })
    try {
      await once(holder, 'spawn')
      expect(await holdersOf(path)).toEqual([`sleep (process ${holder.pid})`])
    } finally {
      holder.kill()
    }
  })

  test('another part of this gateway, under another name of the same device', () => {
    expect(explainPortError('Owned as /dev/ttyUSB0', '/dev/serial/by-id/usb-EIO', [])).toMatch(/^\/dev\/serial\/by-id\/usb-EIO and \/dev\/ttyUSB0 are the same device/)
    expect(explainPortError('Owned as /dev/ttyUSB0', '/dev/ttyUSB0', [], 'sbd.port')).toMatch(/^another part of this gateway has \/dev\/ttyUSB0 open: correct sbd.port/)
  })
})
