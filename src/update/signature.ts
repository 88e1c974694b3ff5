// Who may make updates: the holders of the keys whose certificates stand in update.pem. The same key signs bundles for RAUC (as CMS) and
// application packages (plainly); what is signed here begins with a line of its own, so that neither can be taken for the other.
//
// The certificates' dates are not looked at: a gateway's clock may be years off, and an update may be what mends that. A key that must not be
// used any more goes with the next root, whose update.pem does not have it.
import { createPublicKey, type KeyObject, sign, verify, X509Certificate } from 'node:crypto'

export const SIGNATURE_BYTES_MAX = 1024
const PURPOSE = Buffer.from('sandpiper application update 1\n', 'latin1')
const CERTIFICATES_MAX = 16

/** Public keys of the certificates in a PEM text; those that cannot be read are none. */
export function keysOf(pem: string): readonly KeyObject[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.slice(0, CERTIFICATES_MAX).flatMap((block) => {
    try {
      return [new X509Certificate(block).publicKey]
    } catch {
      return []
    }
  })
}

/** `key`: private; Ed25519, ECDSA (as r ‖ s) or RSA (PKCS #1 v1.5) with SHA-256. */
export function signed(parts: readonly Uint8Array[], key: KeyObject): Buffer {
  return sign(algorithmOf(key), Buffer.concat([PURPOSE, ...parts]), { key, dsaEncoding: 'ieee-p1363' })
}

export function isSigned(parts: readonly Uint8Array[], signature: Uint8Array, keys: readonly KeyObject[]): boolean {
  const data = Buffer.concat([PURPOSE, ...parts])
  return keys.some((key) => {
    try {
      return verify(algorithmOf(key), data, { key, dsaEncoding: 'ieee-p1363' }, signature)
    } catch {
      return false // a kind of key that cannot sign
    }
  })
}

/** Whether the certificate in `pem` is that of the private `key`. */
export function belongs(pem: string, key: KeyObject): boolean {
  const own = createPublicKey(key)
  return keysOf(pem).some((one) => one.equals(own))
}

function algorithmOf({ asymmetricKeyType }: KeyObject): string | null {
  return asymmetricKeyType === 'ed25519' ? null : 'sha256'
}
