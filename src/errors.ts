// The catalogue of what can go wrong on our side, in words for the person who has to mend it.
// (The peer's mistakes are ProtocolError, in mqtt/reason.ts.)

/** What each code tells the operator to do next. `test/unit/errors.test.ts` keeps every code in use and in docs/guide/errors.md. */
export const CATALOGUE = {
  E_CONFIG: 'correct the lines named above; `sandpiper check FILE` shows all of them at once',
  E_CONFIG_READ: 'give a readable file: npm start -- --config FILE',
  E_PORT_TAKEN: 'stop the other program, or set another `port` or `socket` under broker.listeners',
  E_LISTEN: 'check `host`, `port` or `socket` under broker.listeners: the address must be one of this machine, the folder of a socket must be there and writable',
  E_STORE_FOLDER: 'give a folder this user may write to as store.path',
  E_STORE_LOCKED: 'another Sandpiper runs on this folder: stop it, or set another store.path',
  E_STORE_VERSION: 'install the release that wrote this store, or set another store.path',
  E_STORE_FAILED: 'the store cannot write: check the card and free space (df -h); the gateway stops so that nothing is acknowledged unsafely',
  E_SECRET: 'make the file readable for this user, or write the secret where the configuration points',
  E_PASSWORD_FILE: 'nothing was changed; correct that, and run the command again',
  E_NO_SLOTS: 'install the newer package there: sudo apt install ./sandpiper_VERSION_ARCH.deb',
  E_UPDATE: 'run it as root (sudo sandpiper update …), and see systemctl status sandpiper-update',
  E_NO_GATEWAY: 'start it (systemctl start sandpiper), ask as root, or name its socket: --socket FILE, or its configuration: --config FILE',
  E_REFUSED: 'nothing was done; correct that, and run the command again',
  E_BACKUP: 'the gateway goes on as it was; mend that, and make the backup again',
  E_RESTORE: 'the store is as it was; mend that, or take another backup',
  E_USAGE: 'sandpiper --help shows the commands',
} as const

export type ErrorCode = keyof typeof CATALOGUE

/** Our fault or the site's: one sentence of what and where, the cause, and from the catalogue what to do. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, what: string, options?: ErrorOptions) {
    super(what, options)
    this.code = code
  }

  get hint(): string {
    return CATALOGUE[this.code]
  }

  /** The sentence for a terminal: what happened, and what to do. */
  get sentence(): string {
    return `${this.message}: ${this.hint}`
  }
}
