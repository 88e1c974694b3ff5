// Peers of pppd: the options of /etc/ppp/peers/NAME (pppd(8)), and a chat script (chat(8)) that makes the modem dial.
//
// What is always true: whatever a user name or password holds, it is one word to pppd and nothing to a shell; the modem's script is a file, so that
// no shell sees what it says.
import type { DialupConfig } from '../config/config.ts'

/** After cables, Wi-Fi and cellular modems, which NetworkManager gives 100 to 1000. */
const ROUTE_METRIC = 2000
const COMMAND_SEC = 10
/** What modems say when a call fails; chat ends at once then instead of waiting. */
const FAILURES = ['BUSY', 'NO CARRIER', 'NO DIALTONE', 'NO ANSWER', 'ERROR']

export function peerFile(line: DialupConfig, chatFile: string): string {
  return lines([
    line.device,
    `${line.baud}`,
    line.hardwareFlow ? 'crtscts' : 'nocrtscts',
    'local',
    'lock',
    `connect ${word(`/usr/sbin/chat -v -f ${chatFile}`)}`,
    ...(line.user === null ? [] : [`user ${word(line.user)}`]),
    ...(line.password === null ? [] : [`password ${word(line.password)}`]),
    'noauth',
    'noipdefault',
    'usepeerdns',
    'defaultroute',
    `defaultroute-metric ${ROUTE_METRIC}`,
    'lcp-echo-interval 30',
    'lcp-echo-failure 5',
  ])
}

export function chatScript(line: DialupConfig): string {
  return lines([
    ...FAILURES.map((text) => `ABORT ${quoted(text)}`),
    `TIMEOUT ${COMMAND_SEC}`,
    "'' 'AT'", // whatever the modem was doing, it now hears a whole line
    ...line.init.map((command) => `OK-AT-OK ${quoted(command)}`),
    `OK-AT-OK ${quoted(`ATD${line.number}`)}`,
    `TIMEOUT ${Math.ceil(line.answerTimeoutMs / 1000)}`,
    "CONNECT ''",
  ])
}

function lines(all: readonly string[]): string {
  return `# Made from gateway.yaml at each start: changes here do not last.\n${all.join('\n')}\n`
}

/** A word of pppd's options: all but letters, digits and a few signs as octal escapes, which mean the same inside quotes and out. */
function word(text: string): string {
  const escaped = [...Buffer.from(text, 'utf8')].map((byte) => (/[A-Za-z0-9/._ -]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`))
  return `"${escaped.join('')}"`
}

/** A word of chat: in double quotes, and what chat would take for an escape or a control character doubled. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[\\^"]/g, (c) => (c === '"' ? String.raw`\"` : c === '^' ? '\\136' : '\\\\'))}"`
}
