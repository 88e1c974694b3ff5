// Why a TLS handshake was refused, in words for the operator: OpenSSL's codes for certificates that do not verify (openssl-verification-options(1)).

const WORDS: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the client shows no certificate',
  CERT_HAS_EXPIRED: 'its certificate, or one between it and its authority, has expired',
  CERT_NOT_YET_VALID: 'its certificate, or one between it and its authority, is not valid yet: compare the clocks',
  CERT_REVOKED: 'its certificate, or one between it and its authority, was revoked',
  CERT_SIGNATURE_FAILURE: 'the signature of its certificate is wrong',
  CERT_UNTRUSTED: 'its certificate is not for clients',
  INVALID_PURPOSE: 'its certificate is not for clients',
  INVALID_CA: 'its certificate was issued by one that may not issue any',
  PATH_LENGTH_EXCEEDED: 'its certificate was issued by one that may not issue any',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself, and none of the authorities of this listener',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an authority that this listener does not trust',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is of an authority that this listener does not trust, or it does not send those between',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an authority that this listener does not trust, or it does not send those between',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an authority that this listener does not trust, or it does not send those between',
  UNABLE_TO_GET_CRL: 'its authority has no list of revoked certificates in the file `crl`: add one, an empty one will do',
  CRL_HAS_EXPIRED: 'the list of revoked certificates of its authority has ended: put a newer one in its place',
  CRL_NOT_YET_VALID: 'the list of revoked certificates of its authority is not valid yet: compare the clocks',
  CRL_SIGNATURE_FAILURE: 'the list of revoked certificates of its authority is not signed by it',
}

/** `code`: of a verification, or of an error of the handshake; `fallback` when there are no words for it. */
export function refusalWords(code: string | undefined, fallback: string): string {
  return WORDS[code ?? ''] ?? fallback
}

/** About a certificate, and not about TLS itself. */
export function isAboutCertificate(code: string | undefined): boolean {
  return code !== undefined && Object.hasOwn(WORDS, code)
}
