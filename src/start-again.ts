// The gateway starts itself anew, after an orderly stop: a configuration that needs it, a store that was brought back.
//
// systemd starts it again itself, and hands back what it has kept for it (ops/descriptor-store.ts); elsewhere the process image is replaced, as at its first
// start (main.ts): same process, same terminal.

/** Returns only where systemd, or nobody, is to start it again: with the exit code. */
export function startAgain(env: NodeJS.ProcessEnv = process.env): number {
  if (env.NOTIFY_SOCKET !== undefined || process.execve === undefined) return 0
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], env)
  return 0
}
