// An appliance's tree in a folder of its own, with a program, keys and nothing installed: what updates are tried on.
import { execFileSync } from 'node:child_process'
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Applications } from '../../src/update/application.ts'
import { disk } from '../../src/update/disk.ts'
import { formatIdentity, type Identity, identityOf } from '../../src/update/identity.ts'
import type { Machine } from '../../src/update/machine.ts'
import { type Contents, makePackage } from '../../src/update/package.ts'
import { type Places, placesBelow } from '../../src/update/places.ts'
import { Records } from '../../src/update/record.ts'
import type { Files } from '../../src/update/tree.ts'

export interface KeyPair {
  readonly key: KeyObject
  readonly certificate: string
  readonly files: { readonly key: string; readonly certificate: string }
}

/** As image/build makes them. `kind`: as openssl's -newkey has it. */
export function makeKeyPair(folder: string, name = 'update', kind: readonly string[] = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']): KeyPair {
  const files = { key: join(folder, `${name}.key.pem`), certificate: join(folder, `${name}.pem`) }
  const words = ['req', '-x509', '-newkey', ...kind, '-nodes', '-days', '36500', '-subj', `/CN=${name}`, '-keyout', files.key, '-out', files.certificate]
  execFileSync('openssl', words, { stdio: 'pipe' })
  return { key: createPrivateKey(readFileSync(files.key)), certificate: readFileSync(files.certificate, 'utf8'), files }
}

/** A program that says its version. */
export function program(version: string, more = ''): Files {
  return new Map([
    ['board/generic/board.yaml', Buffer.from(`id: generic # ${version}\n`)],
    ['sandpiper.mjs', Buffer.from(`process.stdout.write('sandpiper ${version}\\n')\n${more}`)],
  ])
}

export class UpdateBed implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'update-'))
  readonly places: Places = placesBelow(this.root)
  readonly disk = disk
  readonly applications = new Applications(this.places, disk)
  readonly records = new Records(this.places, disk)
  readonly keys = makeKeyPair(this.root)
  identity: Identity

  constructor(version = '0.1.0') {
    this.identity = this.putRoot(version)
    this.put(this.places.certificates, this.keys.certificate)
    this.put(this.places.cmdline, 'root=PARTUUID=x sandpiper.slot=A rauc.slot=A ro\n')
    this.put(this.places.raucConfig, '')
    for (const folder of [this.places.data, this.places.apps, this.places.card, join(this.places.gateway, 'requests'), join(this.places.runtime, 'requests')]) mkdirSync(folder, { recursive: true })
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** Another root: its own program. */
  putRoot(version: string): Identity {
    const files = program(version)
    for (const [path, content] of files) this.put(join(this.places.program, path), content)
    this.identity = identityOf(version, '26.10.0', ['sqlite@1.0.0'], files.get('sandpiper.mjs')!)
    this.put(join(this.places.program, 'identity'), `${formatIdentity(this.identity)}\n`)
    return this.identity
  }

  contents(version: string, more = ''): Contents {
    return { version, needs: { node: this.identity.node, addons: this.identity.addons, root: null }, files: program(version, more) }
  }

  package(version: string, base: { readonly version: string; readonly files: Files } | null = null): Buffer {
    return makePackage(this.contents(version), base, this.keys.key)
  }

  put(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}

/** Programs of the appliance that were called, and nothing done but what a test says. */
export class FakeMachine implements Machine {
  readonly calls: string[] = []
  bundle: Awaited<ReturnType<Machine['bundleInfo']>> = 'bad signature'
  installs: string | null = null
  startsTrouble: string | null = null
  otherHasSystem = false
  onInstall: () => void = () => {}

  bootSlot(...order: string[]): Promise<void> {
    return this.#called(`boot-slot ${order.join(' ')}`)
  }
  cardFile(order: string, path: string): Promise<void> {
    rmSync(path, { force: true })
    return this.#called(`card-file ${order}`)
  }
  hasSystem(): Promise<boolean> {
    return Promise.resolve(this.otherHasSystem)
  }
  bundleInfo(): ReturnType<Machine['bundleInfo']> {
    return Promise.resolve(this.bundle)
  }
  async installBundle(source: string): Promise<string | null> {
    await this.#called(`rauc install ${source.startsWith('http') ? source : 'FILE'}`)
    this.onInstall()
    return this.installs
  }
  restartGateway(): Promise<void> {
    return this.#called('restart')
  }
  watchTrial(): Promise<void> {
    return this.#called('watch')
  }
  reboot(): Promise<void> {
    return this.#called('reboot')
  }
  startsUp(): Promise<string | null> {
    return Promise.resolve(this.startsTrouble)
  }

  #called(what: string): Promise<void> {
    this.calls.push(what)
    return Promise.resolve()
  }
}
