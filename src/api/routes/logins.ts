// A person shows a password once, and a token from then on: the page does it so.
import { API_ROLES } from '../../config/http-config.ts'
import type { ApiParts } from '../parts.ts'
import { input, record, type Route, text, time } from '../route.ts'

export function loginRoutes({ callers }: ApiParts): Route[] {
  return [
    {
      method: 'POST',
      path: '/login',
      role: null,
      tag: 'status',
      summary: 'Begins a login',
      description: 'Users of `access` with one of the roles viewer, operator and admin. The token ends after 12 hours, and with the gateway.',
      body: input({ user: text('User name.'), password: text('Password.') }, ['user', 'password']),
      problems: ['unauthorized', 'forbidden'],
      answer: record({ token: text('For `Authorization: Bearer …`.'), role: { enum: API_ROLES }, endsAt: time('When it ends.') }),
      handle: async ({ body, address, gone }) => {
        const { user, password } = body as { readonly user: string; readonly password: string }
        const caller = await callers.byPassword({ username: user, password: Buffer.from(password, 'utf8') }, address, () => gone.aborted)
        const { token, endsAtMs } = callers.login(caller)
        return { token, role: caller.role, endsAt: new Date(endsAtMs).toISOString() }
      },
    },
    {
      method: 'DELETE',
      path: '/login',
      role: 'viewer',
      tag: 'status',
      summary: 'Ends the login whose token is shown',
      answer: null,
      handle: ({ authorization }) => callers.logout(authorization),
    },
    {
      method: 'GET',
      path: '/login',
      role: 'viewer',
      tag: 'status',
      summary: 'Who is asking, and what that one may do',
      answer: record({ name: text('User, token, or "this machine".'), role: { enum: API_ROLES } }),
      handle: ({ caller }) => ({ name: caller!.name, role: caller!.role }),
    },
  ]
}
