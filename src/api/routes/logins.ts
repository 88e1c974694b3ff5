// A person shows a password once, and a token from then on: the page does it so.
import { API_ROLES } from '../../config/http-config.ts'
import type { ApiParts } from '../parts.ts'
import { input, orNull, record, type Route, text, time } from '../route.ts'

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
      role: null,
      tag: 'status',
      summary: 'Who is asking, and what that one may do',
      description: 'A wrong proof is refused; none at all is answered too, so that a page can know that it has to ask for one.',
      problems: ['unauthorized', 'forbidden'],
      answer: record({ name: orNull(text('User, token, or "this machine"; null for nobody.')), role: { enum: [...API_ROLES, null], description: 'null: nothing may be done without a proof.' } }),
      handle: async ({ entrance, address, authorization, gone }) => {
        if (authorization === undefined && !callers.letsIn(entrance)) return { name: null, role: null }
        const { name, role } = await callers.identify({ entrance, address, authorization, isGone: () => gone.aborted })
        return { name, role }
      },
    },
  ]
}
