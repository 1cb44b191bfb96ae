import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PodService } from '@roster/proto'
import { callOnce } from './calls.ts'
import { FieldReader } from './field-reader.ts'
import type { Peer } from './peer.ts'
import {
  applyService,
  registerPod,
  registerPods,
  updatePodStatus,
  watchEndpoints,
} from './roster-requests.ts'
import { ServerProcess, temporaryDirectory } from './server-process.ts'

const mainFile = fileURLToPath(new URL('../../server/dist/main.js', import.meta.url))

const NAMESPACE = 'bench'
const WATCHED = 'web'
const WATCHED_PODS = 3
/** Services the registered pods spread over. */
const SERVICES = 100

/** A running registry. */
export interface Roster {
  readonly process: ServerProcess
  /** `host:port` of its gRPC door. */
  readonly address: string
}

/** Starts a registry on loopback with its default durable settings. */
export async function startRoster(
  file: string = join(temporaryDirectory(), 'roster.db'),
  nodeFlags: readonly string[] = [],
): Promise<Roster> {
  const server = new ServerProcess(process.execPath, [
    ...nodeFlags,
    mainFile,
    ...['--data', file],
    ...['--listen', '127.0.0.1:0'],
  ])
  return { process: server, address: await server.printed(/(127\.0\.0\.1:[1-9]\d*)\D/) }
}

/** Starts a registry as the one side of a comparison. */
export async function startRosterPeer(): Promise<Peer> {
  const { process, address } = await startRoster()
  const connection = await process.connect(address)
  connection.close()
  const watchedPod = (n: number) => ({
    namespace: NAMESPACE,
    service: WATCHED,
    number: n % WATCHED_PODS,
  })
  return {
    name: 'roster',
    process,
    address,
    prepare: async () => {
      const connection = await process.connect(address)
      await callOnce(connection, applyService(NAMESPACE, WATCHED))
      const pods = Array.from({ length: WATCHED_PODS }, (_, n) => watchedPod(n))
      await callOnce(connection, registerPods(pods))
      for (let n = 0; n < SERVICES; n++) {
        await callOnce(connection, applyService(NAMESPACE, `app-${n}`))
      }
      connection.close()
    },
    watch: watchEndpoints(NAMESPACE, WATCHED),
    watchedRevision,
    // A weight is no loss, which would be sent at once; and never the one before.
    change: (n) => updatePodStatus(watchedPod(n), { weight: 1 + (n % 10_000) }),
    changedRevision: (response) =>
      PodService.updatePodStatus.responseDeserialize(response).pod?.metadata?.revision ?? 0,
    register: (n) => registerPod(registeredPod(n)),
  }
}

/** The n-th of the pods that are registered: they take turns over the services. */
export function registeredPod(n: number) {
  return { namespace: NAMESPACE, service: `app-${n % SERVICES}`, number: n }
}

/** Revision of a WatchEndpointsResponse with a snapshot or a change; 0 for a bookmark. */
function watchedRevision(message: Buffer): number {
  let revision = 0
  let isChange = false
  for (const reader = new FieldReader(message); reader.next(); ) {
    if (reader.field === 1) revision = reader.varint
    else if (reader.field === 3 || reader.field === 4) isChange = true
  }
  return isChange ? revision : 0
}
