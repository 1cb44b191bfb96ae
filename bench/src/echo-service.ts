import { connectRoster, type Roster } from '@roster/client'
import { type Roster as Registry, startRoster } from './roster-peer.ts'

/** A registry with service bench/echo, which has no pods yet. */
export interface EchoService {
  readonly registry: Registry
  readonly roster: Roster
  /** Registers a pod of this machine behind it. */
  add(name: string, port: number): Promise<void>
  close(): Promise<void>
}

/** Target of the service. */
export const ECHO_TARGET = 'roster:///bench/echo'

/** Starts the registry and applies the service. */
export async function startEchoService(): Promise<EchoService> {
  const registry = await startRoster()
  // The registry may not listen yet.
  ;(await registry.process.connect(registry.address)).close()
  const roster = connectRoster(registry.address)
  await roster.catalog.applyService({
    service: {
      metadata: { namespace: 'bench', name: 'echo' },
      spec: { selector: { app: 'echo' }, ports: [{ port: 80, targetPort: 'grpc' }] },
    },
  })
  return {
    registry,
    roster,
    add: async (name, port) => {
      await roster.pods.registerPod({
        pod: {
          metadata: { namespace: 'bench', name, labels: { app: 'echo' } },
          spec: { ports: [{ name: 'grpc', containerPort: port }] },
          status: { podIps: ['127.0.0.1'] },
        },
      })
    },
    close: async () => {
      await roster.close()
      await registry.process.stop()
    },
  }
}
