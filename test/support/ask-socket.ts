// A request to a gateway of its own process, at its unix socket or a port.
import { type IncomingMessage, request, type RequestOptions } from 'node:http'
import { request as secureRequest, type RequestOptions as SecureOptions } from 'node:https'

export interface Reply {
  readonly status: number
  readonly text: string
}

export function askHttp(options: RequestOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    request({ ...options, agent: false }, (answer) => collect(answer, resolve)).on('error', reject).end()
  })
}

export function askHttps(options: SecureOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    secureRequest({ ...options, agent: false }, (answer) => collect(answer, resolve)).on('error', reject).end()
  })
}

function collect(answer: IncomingMessage, done: (reply: Reply) => void): void {
  let text = ''
  answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', () => {}).on('close', () => done({ status: answer.statusCode!, text }))
}
