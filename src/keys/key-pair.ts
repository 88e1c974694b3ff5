// A private key and its certificate, as TLS needs them: can they be used together, and if not, why, in words for the operator.

export interface KeyPairProblem {
  /** The file to look at. */
  readonly of: 'key' | 'cert'
  /** A sentence. */
  readonly text: string
}

const WORDS: Readonly<Record<string, KeyPairProblem>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: { of: 'key', text: 'the key does not belong to the certificate' },
  ERR_OSSL_X509_KEY_TYPE_MISMATCH: { of: 'key', text: 'the key does not belong to the certificate' },
  ERR_SSL_EE_KEY_TOO_SMALL: { of: 'cert', text: 'the key of the certificate is too short for TLS of today' },
}

/** null when TLS can use the pair (both PEM). Loads node:tls, which takes 6 MB: only for a site that has TLS. */
export function keyPairProblem(key: Buffer, cert: Buffer): KeyPairProblem | null {
  if (!cert.includes('-----BEGIN CERTIFICATE-----')) return { of: 'cert', text: 'the certificate is no PEM: it must have lines -----BEGIN CERTIFICATE-----' }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key.toString('latin1'))) return { of: 'key', text: 'the key is no PEM: it must have lines -----BEGIN PRIVATE KEY-----' }
  if (/ENCRYPTED/.test(key.toString('latin1'))) return { of: 'key', text: 'the key is encrypted: nobody could be asked for its passphrase when the gateway starts' }
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ key, cert })
    return null
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return WORDS[code ?? ''] ?? { of: 'cert', text: `key and certificate cannot be used: ${message}` }
  }
}
