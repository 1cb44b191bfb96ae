import { parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerOptions } from './dns.ts'
import { Forwarder } from './forwarder.ts'
import { printHostPort } from './host-port.ts'
import { Responder } from './responder.ts'
import { DnsServer } from './server.ts'
import { Zone } from './zone.ts'

// The program of the DNS thread: it owns the sockets and the zone, and is told of
// every change. It ends with its parent's `terminate`.

const options: WorkerOptions = workerData
const { listen, forward, clusterDomain, ttlSeconds, podNames, reverseZones } = options
const tell = (message: FromWorker) => parentPort?.postMessage(message)

let isSynced = false
const zone = new Zone({
  clusterDomain,
  ttlSeconds,
  ...(podNames && { podNames }),
  ...(reverseZones && { reverseZones }),
  // Of an address that stands for all there is nothing to tell.
  ...(!['0.0.0.0', '::'].includes(listen.host) && { address: listen.host }),
})
const responder = new Responder(zone, {
  isSynced: () => isSynced,
  isRecursive: forward.length > 0,
})

parentPort?.on('message', (message: ToWorker) => {
  for (const key of message.removed) zone.remove(key)
  for (const service of message.changed) zone.put(service)
  isSynced = message.isSynced
})

try {
  const server = await DnsServer.listen(responder, {
    listen,
    ...(forward.length > 0 && { forwarder: new Forwarder({ upstreams: forward }) }),
    onError: (error) => tell({ error: String(error) }),
  })
  tell({ address: printHostPort(server.address) })
} catch (error) {
  tell({ unusable: error instanceof Error ? error.message : String(error) })
}
