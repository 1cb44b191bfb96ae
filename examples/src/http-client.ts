import { connectRoster, type EndpointSet, usableEndpoints } from '@roster/client'

/*
 * Calls an HTTP service by its name, without gRPC: the endpoints are followed by the
 * watch that gRPC clients use too, and fetch gets an address. Its setting is in the
 * environment:
 *
 *   ROSTER_REGISTRY  address of the registry, default 127.0.0.1:7400
 */
const { ROSTER_REGISTRY = '127.0.0.1:7400' } = process.env

const TARGET = 'roster:///demo/web'
const PORT_NAME = 'http'
const REQUESTS = 10
const REQUEST_TIMEOUT_MS = 5_000

const roster = connectRoster(ROSTER_REGISTRY)
const web = roster.endpoints(TARGET)
const stop = new AbortController()
let turn = 0

/** `http://host:port` of every endpoint that may be called now. */
const originsOf = (set: EndpointSet): readonly string[] =>
  usableEndpoints(set).flatMap(({ addresses: [host = ''], ports }) => {
    const port = ports.find(({ name }) => name === PORT_NAME)?.port
    return port === undefined ? [] : [`http://${host.includes(':') ? `[${host}]` : host}:${port}`]
  })

/** Keeps the set known and current, and prints its changes. Resolves when it is stopped. */
async function follow(): Promise<void> {
  for await (const set of web.watch(stop.signal)) {
    process.stdout.write(`${TARGET} has ${originsOf(set).length} endpoints\n`)
  }
}

/** GETs from the next endpoint in turn, or from one after it when it cannot be reached. */
async function get(path: string): Promise<string> {
  const set = web.current()
  const origins = set ? originsOf(set) : []
  let failure: unknown = new Error(`${TARGET} has no endpoint that can be called`)
  for (const _ of origins) {
    turn += 1
    try {
      const url = new URL(path, origins[turn % origins.length])
      const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
      return await response.text()
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

const following = follow()
await roster.ready(TARGET)
for (let request = 0; request < REQUESTS; request += 1) {
  process.stdout.write(`${await get('/')}\n`)
}

stop.abort()
await following
await roster.close()
