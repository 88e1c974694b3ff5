// The only importer of the modbus-serial package: it makes the requests and reads the answers. It is loaded when the first bus is used.
// Rules: time is the bus's, so the library is given no time-out; a request that was given up is never answered, for its port does not
// pass late answers on. `done` is called once at most, never from inside send().
import type ModbusRTU from 'modbus-serial'
import type { ModbusTable } from '../../config/config.ts'
import { answerBytes } from './registers.ts'
import type { AnswerPort } from './port.ts'

export type ModbusRequest =
  | { readonly kind: 'read'; readonly slave: number; readonly table: ModbusTable; readonly address: number; readonly count: number }
  | { readonly kind: 'write'; readonly slave: number; readonly address: number; readonly value: readonly number[] | boolean; readonly multiple: boolean }

/** `code`: of an exception response (MODBUS Application Protocol V1.1b3 section 7); null: the answer was none that belongs to the request. */
export type ModbusAnswer = { readonly bytes: Buffer } | { readonly code: number | null }

export interface ModbusClient {
  send(request: ModbusRequest, done: (answer: ModbusAnswer) => void): void
}

interface LibraryError extends Error {
  readonly modbusCode?: number
}

type Callback = (error: LibraryError | null, result?: { readonly buffer?: Buffer; readonly address?: number }) => void

export async function makeClient(port: AnswerPort): Promise<ModbusClient> {
  // The default of a CommonJS module is the module, whose own default is the class.
  const library = new (await import('modbus-serial')).default.default(port)
  library.on('error', () => {})
  library.open(() => {})
  return {
    send(request, done) {
      const next: Callback = (error, result) => done(error ? { code: error.modbusCode ?? null } : answerOf(request, result))
      if (request.kind === 'read') {
        const { slave, table, address, count } = request
        library[READS[table]](slave, address, count, next as never)
      } else {
        write(library, request, next)
      }
    },
  }
}

/** Function codes 1 to 4. */
const READS = { coil: 'writeFC1', discrete: 'writeFC2', holding: 'writeFC3', input: 'writeFC4' } as const

type Library = ModbusRTU.default

function write(library: Library, { slave, address, value, multiple }: Extract<ModbusRequest, { kind: 'write' }>, next: Callback): void {
  if (typeof value === 'boolean') {
    if (multiple) library.writeFC15(slave, address, [value], next as never)
    else library.writeFC5(slave, address, value, next as never)
  } else if (value.length === 1 && !multiple) {
    library.writeFC6(slave, address, value[0]!, next as never)
  } else {
    library.writeFC16(slave, address, [...value], next as never)
  }
}

function answerOf(request: ModbusRequest, result: { readonly buffer?: Buffer; readonly address?: number } | undefined): ModbusAnswer {
  if (request.kind === 'write') return result?.address === request.address ? { bytes: Buffer.alloc(0) } : { code: null }
  const bytes = result?.buffer
  return bytes !== undefined && bytes.length === answerBytes(request.table, request.count) ? { bytes } : { code: null }
}
