// A key of its own for each gateway, and a certificate of it by your authority. Keys are made here and leave this machine on the card only; the
// authority's key is read by openssl alone (a passphrase it asks for itself, or takes from PROVISION_CA_PASSPHRASE).
import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProvisionError } from './table.ts'

const DAY_MS = 86_400_000
const PASSPHRASE = 'PROVISION_CA_PASSPHRASE'

export interface Authority {
  readonly certificateFile: string
  readonly keyFile: string
}

export interface Issued {
  /** PEM, PKCS #8. */
  readonly key: string
  /** PEM; the authority's own is not in it. */
  readonly certificate: string
}

/** An authority of one's own: EC P-256, for 20 years. The files must not be there yet. */
export function makeAuthority({ certificateFile, keyFile }: Authority, name: string): void {
  writeFileSync(keyFile, newKey(), { mode: 0o600, flag: 'wx' })
  const extensions = ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign,cRLSign', 'subjectKeyIdentifier=hash']
  openssl(['req', '-x509', '-new', '-key', keyFile, '-subj', `/CN=${escaped(name)}`, '-days', '7300', '-sha256', ...extensions.flatMap((it) => ['-addext', it]), '-out', certificateFile])
}

/** Throws ProvisionError when the authority cannot issue for so long, or its files are not what they should be. */
export function checkAuthority({ certificateFile, keyFile }: Authority, days: number): void {
  const certificate = readCertificate(certificateFile)
  if (!certificate.ca) throw new ProvisionError(`${certificateFile} is not the certificate of an authority (CA:TRUE is missing)`)
  const endsAtMs = Date.parse(certificate.validTo)
  if (endsAtMs < Date.now() + days * DAY_MS) throw new ProvisionError(`${certificateFile} ends on ${certificate.validTo}, before certificates of ${days} days: give --days less, or renew the authority`)
  if (openssl(['pkey', '-in', keyFile, '-pubout', ...passphrase()]).trim() !== certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString().trim()) {
    throw new ProvisionError(`${keyFile} is not the key of ${certificateFile}`)
  }
}

/** A new key, and a client certificate with the site as its common name. */
export function issue(authority: Authority, site: string, days: number): Issued {
  const folder = mkdtempSync(join(tmpdir(), 'sandpiper-provision-'))
  try {
    const file = (name: string): string => join(folder, name)
    const key = newKey()
    writeFileSync(file('key'), key, { mode: 0o600 })
    writeFileSync(file('extensions'), 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n')
    openssl(['req', '-new', '-key', file('key'), '-subj', `/CN=${escaped(site)}`, '-out', file('request')])
    const { certificateFile, keyFile } = authority
    const serial = `0x${(randomBytes(1)[0]! & 0x7f | 0x40).toString(16)}${randomBytes(15).toString('hex')}`
    openssl(['x509', '-req', '-in', file('request'), '-CA', certificateFile, '-CAkey', keyFile, ...passphrase(), '-set_serial', serial, '-days', `${days}`, '-sha256', '-extfile', file('extensions'), '-out', file('certificate')])
    return { key, certificate: readFileSync(file('certificate'), 'utf8') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Of files that somebody else has issued, or an earlier run. Throws ProvisionError when they do not fit each other. */
export function checkPair(certificateFile: string, keyFile: string): X509Certificate {
  const certificate = readCertificate(certificateFile)
  let fits = false
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))
  } catch (error) {
    throw new ProvisionError(`${keyFile} is not a private key in PEM without a passphrase: ${(error as Error).message}`)
  }
  if (!fits) throw new ProvisionError(`${keyFile} is not the key of ${certificateFile}`)
  if (Date.parse(certificate.validTo) < Date.now()) throw new ProvisionError(`${certificateFile} has ended on ${certificate.validTo}`)
  return certificate
}

function readCertificate(file: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(file))
  } catch (error) {
    throw new ProvisionError(`${file} is not a certificate in PEM: ${(error as Error).message}`)
  }
}

function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function passphrase(): string[] {
  return process.env[PASSPHRASE] === undefined ? [] : ['-passin', `env:${PASSPHRASE}`]
}

/** For -subj, where / begins the next part. */
function escaped(name: string): string {
  return name.replaceAll(/[\\/+=]/g, (character) => `\\${character}`)
}

function openssl(args: readonly string[]): string {
  try {
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: [process.stdin.isTTY === true ? 'inherit' : 'ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { readonly stderr?: string }
    if (code === 'ENOENT') throw new ProvisionError('openssl is not there: apt-get install openssl')
    throw new ProvisionError(`openssl ${args[0]}: ${stderr?.trim().split('\n')[0] ?? String(error)}`)
  }
}
