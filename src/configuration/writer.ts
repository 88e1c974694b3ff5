// How a confirmed configuration gets into its file: the gateway writes it where it may; where the file is root's, it asks a service that is (take.ts).
//
//   request ─► RUNTIME/requests/configure-ID.json ─► sandpiper-configure.service ─► /run/sandpiper-configure/ID.json ─► answer
import { randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Trial } from '../config/trial.ts'
import { replaceFile } from '../replace-file.ts'
import { ANSWERS, answerIn, REQUESTS_FOLDER, requestName } from './request.ts'

/** A slow board starts a process in this time, and a card takes a file. */
const ANSWER_MS_MAX = 60_000
const LOOK_MS = 250
/** The package has it, and so has the image. */
const SERVICE = '/usr/lib/systemd/system/sandpiper-configure.path'

export interface ConfigurationWriter {
  /** Why it cannot be written, with what to do; null when it can. */
  readonly trouble: string | null
  /** The file has the text of the trial when this resolves. Rejects with a sentence. */
  write(trial: Trial): Promise<void>
}

export interface WriterPlaces {
  readonly file: string
  /** Of the gateway, where systemd gives it one. */
  readonly runtime: string | null
  /** Where the files of the machine are, for tests. */
  readonly root?: string
}

export function writerOf({ file, runtime, root = '' }: WriterPlaces, clock: Clock): ConfigurationWriter {
  const mayWrite = (): boolean => mayBeWritten(file) && mayBeWritten(dirname(file))
  const hasService = (): boolean => runtime !== null && existsSync(join(root, SERVICE))
  return {
    get trouble() {
      return mayWrite() || hasService() ? null : `${file} cannot be written by the gateway: edit it by hand, or make it and its folder writable for the gateway's user`
    },
    write: (trial) => (mayWrite() ? writeItself(file, trial) : ask(join(root, ANSWERS), runtime!, trial, clock)),
  }
}

async function writeItself(file: string, { text }: Trial): Promise<void> {
  replaceFile(file, Buffer.from(text, 'utf8'), { mode: statSync(file).mode & 0o777, keepsOwner: true })
}

async function ask(answers: string, runtime: string, { digest }: Trial, clock: Clock): Promise<void> {
  const id = randomUUID()
  const folder = join(runtime, REQUESTS_FOLDER)
  mkdirSync(folder, { recursive: true })
  replaceFile(join(folder, requestName(id)), Buffer.from(JSON.stringify({ id, digest })), { mode: 0o644 })
  const untilMs = clock.now() + ANSWER_MS_MAX
  for (;;) {
    const answer = answerIn(() => readFileSync(join(answers, `${id}.json`), 'utf8'))
    if (answer !== null) {
      if (answer.why !== null) throw new Error(answer.why)
      return
    }
    if (clock.now() > untilMs) throw new Error('sandpiper-configure.service has not answered: systemctl enable --now sandpiper-configure.path')
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve))
  }
}

function mayBeWritten(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
