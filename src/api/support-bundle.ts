// The bundle for whoever helps, made by the gateway itself: loaded when somebody asks for it.
import { detectBoard } from '../board/detect.ts'
import { takeInventory } from '../board/inventory.ts'
import type { Clock } from '../clock.ts'
import type { Written } from '../configuration/configuration.ts'
import { loadConfig } from '../config/load.ts'
import { detectedBoard } from '../detected-board.ts'
import { makeBundle } from '../doctor/bundle.ts'
import { type Ask, viewOf } from '../doctor/gateway-view.ts'
import type { CheckedFile } from '../doctor/patient.ts'
import type { Gateway } from '../gateway.ts'
import { VERSION } from '../layout.ts'

export interface BundledGateway {
  readonly gateway: Gateway
  readonly clock: Clock
  readonly written: Written
}

export async function bundleOfGateway({ gateway, clock, written: { file, text } }: BundledGateway, ask: Ask): Promise<Buffer> {
  const { config } = gateway
  const now = file === null ? null : read(file)
  const patient = { clock, root: '', config, file: now?.checked ?? null, gateway: await viewOf(ask), noGateway: null }
  const board = async (): Promise<string> => `${JSON.stringify(await takeInventory('', detectBoard('', []), config.board.profile), null, 1)}\n`
  const changed = now === null || now.text === null || now.text === text ? {} : { 'gateway.yaml': now.text }
  return makeBundle({ patient, version: VERSION, ask, configurations: { 'configuration-in-force.yaml': text, ...changed }, journal: () => Promise.resolve(''), board })
}

/** The file as it is now: it may have a mistake that keeps it from taking effect. */
function read(file: string): { readonly checked: CheckedFile; readonly text: string | null } {
  const result = loadConfig(file, { secrets: 'skip', detectedBoard: detectedBoard() })
  return { checked: 'problems' in result ? { name: file, problems: result.problems, warnings: [] } : { name: file, problems: [], warnings: result.warnings }, text: result.text }
}
