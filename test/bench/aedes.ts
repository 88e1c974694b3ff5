// Aedes on a plain TCP server, as its own documentation starts it: everything in memory. PORT comes from the environment.

import { createServer } from 'node:net'
import { Aedes } from 'aedes'

const broker = await Aedes.createBroker()
createServer({ noDelay: true }, broker.handle).listen({ port: Number(process.env['PORT']), host: '127.0.0.1', backlog: 4096 })
