// The broker in the cloud: a real Mosquitto where it is installed, else a second Sandpiper. Neither knows that it is in a demo.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Mosquitto } from '../../test/support/mosquitto.ts'
import { Site } from '../../test/support/process.ts'

export type CloudKind = 'mosquitto' | 'sandpiper'

export interface Cloud extends AsyncDisposable {
  readonly title: string
  readonly port: number
  readonly url: string
}

export async function openCloud(kind: CloudKind = isInstalled('mosquitto') ? 'mosquitto' : 'sandpiper'): Promise<Cloud> {
  if (kind === 'mosquitto') {
    const broker = await Mosquitto.start()
    return { title: 'Mosquitto', port: broker.port, url: broker.url, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() }
  }
  const site = await Site.make()
  await site.configure({ site: 'cloud' })
  await site.start()
  return { title: 'a second Sandpiper', port: site.port, url: site.url, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() }
}

/** Debian puts brokers into /usr/sbin, which not every user's PATH names. */
function isInstalled(program: string): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
