// Where the gateway's own key and certificate for HTTPS lie (own-certificate.ts makes them).
import { join } from 'node:path'

export function ownPaths(folder: string): { readonly keyFile: string; readonly certFile: string } {
  return { keyFile: join(folder, 'http.key'), certFile: join(folder, 'http.crt') }
}
