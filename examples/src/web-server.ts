import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'

/*
 * An HTTP server that knows nothing of the registry: it says which one it is. After
 * SIGTERM it goes on for a while, as a program behind a virtual IP should, so that who
 * has not heard yet still gets an answer. Its settings are in the environment:
 *
 *   PORT              where it listens, default 8080
 *   LINGER_SECONDS    how long it goes on after SIGTERM, default 3
 */
const { PORT = '8080', LINGER_SECONDS = '3' } = process.env

const server = createServer((_, response) => {
  response.end(`${hostname()}\n`)
})
server.listen(Number(PORT))
await once(server, 'listening')
process.stdout.write(`listening at ${(server.address() as AddressInfo).port}\n`)

process.once('SIGTERM', () => {
  setTimeout(() => {
    server.close()
    server.closeIdleConnections()
  }, Number(LINGER_SECONDS) * 1_000)
})
