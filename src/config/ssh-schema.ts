// gateway.yaml, `ssh:`: who may log in to the machine. Keys only: a password on a card that many hands hold would be everybody's.
import { clip, type Place } from './place.ts'
import { text } from './scalar.ts'
import { defaulted, list, object } from './schema.ts'

/** What OpenSSH of this day accepts (sshd_config(5), PubkeyAcceptedAlgorithms); DSA keys it does not. */
const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com', 'ssh-rsa']
const WRITE = 'copy the one line of the .pub file: ssh-ed25519 AAAA… name'
const KEYS_MAX = 100

const key = text({ expected: 'a public key', hint: WRITE, secret: true }).into((line, place): string | undefined => {
  if (/PRIVATE KEY/.test(line)) return place.problem(`${place.name} is a private key`, 'it belongs nowhere but on your own machine: give the line of the .pub file, and make a new pair, for this one has been on a card')
  const words = line.trim().split(/[ \t]+/)
  const at = words.findIndex((word) => KEY_TYPES.includes(word))
  if (/[\r\n]/.test(line.trim())) return place.problem(`${place.name} has more than one line`, 'a key is one line: each as an item of its own')
  if (at === -1) return place.problem(`${place.name} "${clip(words[0] ?? '')}" is not a public key that SSH knows`, WRITE)
  if (at > 0) return place.problem(`${place.name} has options before the key`, WRITE)
  if (!isWhole(words[0]!, words[1] ?? '')) return damaged(place)
  return words.join(' ')
})

/** The blob repeats its type (RFC 4253 section 6.6), and its fields fill it. */
function isWhole(type: string, base64: string): boolean {
  const blob = Buffer.from(base64, 'base64')
  if (blob.length === 0 || blob.toString('base64').replaceAll('=', '') !== base64.replaceAll('=', '')) return false
  let at = 0
  let fields = 0
  for (; at + 4 <= blob.length; fields++) {
    const length = blob.readUInt32BE(at)
    if (fields === 0 && blob.toString('latin1', at + 4, at + 4 + length) !== type) return false
    at += 4 + length
  }
  return at === blob.length && fields >= 2
}

function damaged(place: Place): undefined {
  return place.problem(`${place.name} is damaged or cut off`, WRITE)
}

export const ssh = object({
  keys: defaulted('Public keys of those who may log in, one line each as in a .pub file. Without any, nobody can.', [], list(key).into((keys, place) => {
    return keys.length <= KEYS_MAX ? keys : place.problem(`${place.name} has ${keys.length} keys`, `${KEYS_MAX} at most`)
  })),
})
