// What doctor and support look at, found the same way: which configuration, which gateway.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { loadLastGood } from '../config/last-good.ts'
import { checkText, loadConfig, type LoadOptions } from '../config/load.ts'
import { detectedBoard } from '../detected-board.ts'
import { within } from '../doctor/deadline.ts'
import type { Finding } from '../doctor/finding.ts'
import { type GatewayView, noGateway, viewOf } from '../doctor/gateway-view.ts'
import type { CheckedFile, Patient } from '../doctor/patient.ts'
import { GatewayClient } from './gateway-client.ts'
import { SERVICE_SOCKET, type SocketWords } from './socket.ts'

export interface SiteWords extends SocketWords {
  readonly root?: string | undefined
}

export interface FoundSite {
  readonly patient: Patient
  /** Of the file as it is; null when it could not be read, or there is none. */
  readonly text: string | null
  /** The last configuration that has worked; null when there is none. */
  readonly lastGood: string | null
  readonly client: GatewayClient
}

/** Where the image and the package have it. */
const SERVICE_FILES = ['/boot/gateway/gateway.yaml', '/etc/sandpiper/gateway.yaml']
const SERVICE_STATE = '/var/lib/sandpiper'
const SOCKET_NAME = 'api.sock'
/** The first answer loads the API, which takes a small board a second or two. With the checks behind it ten seconds are not exceeded. */
const ANSWER_MS_MAX = 3000

/** Throws nothing for what a machine or a file may be. */
export async function findSite(words: SiteWords): Promise<FoundSite> {
  const { root = '' } = words
  const file = words.config ?? SERVICE_FILES.find((path) => existsSync(root + path)) ?? null
  const isService = file !== null && SERVICE_FILES.includes(file)
  const path = file === null ? null : isService ? root + file : file
  const state = words.state !== undefined ? resolve(words.state) : isService && existsSync(root + SERVICE_STATE) ? root + SERVICE_STATE : null
  const read = path === null ? null : readFile(path, { detectedBoard: detectedBoard(root), state })
  const client = new GatewayClient(socketAt(words, read?.storePath ?? null, file === null || isService ? root + SERVICE_SOCKET : null))
  const asked = await ask(client, isService)
  const patient: Patient = { clock: systemClock, root, config: read?.config ?? null, file: read?.file ?? null, gateway: asked.view, noGateway: asked.none }
  return { patient, text: read?.text ?? null, lastGood: read?.lastGood ?? null, client }
}

interface ReadFile {
  /** The file's, or the last good one's. */
  readonly config: Config | null
  readonly file: CheckedFile
  readonly text: string | null
  readonly lastGood: string | null
  readonly storePath: string
}

/** Secrets may be for the gateway's eyes only: then their absence is a warning. */
function readFile(path: string, here: LoadOptions): ReadFile {
  const options: LoadOptions = { ...here, secrets: 'optional' }
  const result = loadConfig(path, options)
  const isGood = !('problems' in result)
  const lastGood = loadLastGood(here.state ?? (isGood ? result.config.store.path : result.storePath))
  if (isGood) return { config: result.config, file: { name: path, problems: [], warnings: result.warnings }, text: result.text, lastGood, storePath: result.config.store.path }
  const old = lastGood === null ? null : checkText(lastGood, path, options)
  const config = old === null || 'problems' in old ? null : old.config
  return { config, file: { name: path, problems: result.problems, warnings: [] }, text: result.text, lastGood, storePath: config?.store.path ?? result.storePath }
}

function socketAt({ socket }: SiteWords, storePath: string | null, ofService: string | null): string {
  if (socket !== undefined) return resolve(socket)
  const beside = resolve(storePath ?? 'data', SOCKET_NAME)
  return ofService !== null && (existsSync(ofService) || !existsSync(beside)) ? ofService : beside
}

async function ask(client: GatewayClient, isExpected: boolean): Promise<{ readonly view: GatewayView | null; readonly none: Finding | null }> {
  const none = (why: string, code: string | null) => ({ view: null, none: noGateway(why, code, isExpected) })
  const asked = viewOf((path) => client.ask(`GET ${path}`)).then(
    (view) => ({ view, none: null }),
    ({ message, cause }: Error) => none(message, (cause as NodeJS.ErrnoException | undefined)?.code ?? null),
  )
  return within(systemClock, ANSWER_MS_MAX, asked, none(`the gateway does not answer within ${ANSWER_MS_MAX / 1000} s: it hangs, or the machine is too busy`, null))
}
