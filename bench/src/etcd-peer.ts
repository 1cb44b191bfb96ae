import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader'
import { callOnce } from './calls.ts'
import { FieldReader } from './field-reader.ts'
import { requestHeaders } from './h2-connection.ts'
import type { Peer } from './peer.ts'
import { ServerProcess, temporaryDirectory } from './server-process.ts'

const loaded = loadSync(fileURLToPath(new URL('../etcd.proto', import.meta.url)), {
  longs: Number,
  keepCase: true,
})
const put = method('KV', 'Put')
const watch = method('Watch', 'Watch')

const KEY = Buffer.from('/registry/endpoints/bench/web')

/**
 * Starts an etcd of one member on loopback, with its default durable settings and
 * an empty data directory. Errors: when there is no etcd on the PATH.
 *
 * @param valueBytes size of what a change and a registration write, in bytes
 */
export async function startEtcd(valueBytes: number): Promise<Peer> {
  if (spawnSync('etcd', ['--version']).error !== undefined) {
    throw new Error('etcd is not on the PATH: run `apt-get install etcd-server`')
  }
  const [clientPort, peerPort] = await freePorts(2)
  const clientUrl = `http://127.0.0.1:${clientPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const process = new ServerProcess('etcd', [
    ...['--data-dir', join(temporaryDirectory(), 'etcd')],
    ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `default=${peerUrl}`],
  ])
  const address = `127.0.0.1:${clientPort}`
  const peer = etcdPeer(process, address, valueBytes)
  const connection = await process.connect(address)
  // Answered when the member has elected itself.
  await callOnce(connection, peer.change(0))
  connection.close()
  return peer
}

function etcdPeer(process: ServerProcess, address: string, valueBytes: number): Peer {
  const putCall = (key: Buffer, n: number) => {
    const value = Buffer.alloc(valueBytes, `${n} `)
    return { path: put.path, headers: put.headers, request: put.serialize({ key, value }) }
  }
  return {
    name: 'etcd',
    process,
    address,
    prepare: () => Promise.resolve(),
    watch: {
      path: watch.path,
      headers: watch.headers,
      request: watch.serialize({ create_request: { key: KEY } }),
    },
    watchedRevision,
    change: (n) => putCall(KEY, n),
    changedRevision: (response) => {
      const { header } = put.deserialize(response) as { header: { revision: number } }
      return header.revision
    },
    register: (n) => putCall(Buffer.from(`/registry/pods/bench/pod-${n}`), n),
  }
}

/** mod_revision of the newest event of a WatchResponse; 0 when it has none. */
function watchedRevision(message: Buffer): number {
  const event = lastContent(message, 11)
  const pair = event && lastContent(event, 2)
  if (pair === undefined) return 0
  for (const reader = new FieldReader(pair); reader.next(); ) {
    if (reader.field === 3) return reader.varint
  }
  return 0
}

function lastContent(message: Buffer, field: number): Buffer | undefined {
  let content: Buffer | undefined
  for (const reader = new FieldReader(message); reader.next(); ) {
    if (reader.field === field) content = reader.content
  }
  return content
}

function method(service: string, name: string) {
  const definition = (loaded[`etcdserverpb.${service}`] as ServiceDefinition)[name]
  if (definition === undefined) throw new Error(`etcd.proto has no ${service}.${name}`)
  return {
    path: definition.path,
    headers: requestHeaders(definition.path),
    serialize: definition.requestSerialize,
    deserialize: definition.responseDeserialize,
  }
}

/** Ports nobody listens at, for a server that cannot choose one itself. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
