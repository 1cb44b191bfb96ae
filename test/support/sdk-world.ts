import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import {
  connectRoster,
  type RegisterOptions,
  type Roster,
  type RosterOptions,
} from '@roster/client'
import { startRegistry } from '@roster/server'
import { type Backend, startBackend } from './echo-backend.ts'

/** What a test of the SDK starts, and stops in reverse. */
export class SdkWorld {
  readonly #closers: (() => unknown)[] = []

  onClose(close: () => unknown): void {
    this.#closers.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  /** A registry on a free port, or on that of one before it. Absent file: it forgets. */
  async registry(options: { readonly file?: string; readonly address?: string } = {}) {
    const registry = await startRegistry({
      data: options.file ?? ':memory:',
      listen: options.address ?? '127.0.0.1:0',
      logLevel: 'silent',
    })
    this.onClose(() => registry.stop())
    return registry
  }

  /** A path for a registry's file, in a directory of its own. */
  async file(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'roster-sdk-'))
    this.onClose(() => rm(directory, { recursive: true, force: true }))
    return join(directory, 'roster.db')
  }

  connect(address: string, options: RosterOptions = {}): Roster {
    const roster = connectRoster(address, options)
    this.onClose(() => roster.close())
    return roster
  }

  /** A backend, registered by a connection of its own as a process of its own would. */
  async pod(address: string, name: string, own: Partial<RegisterOptions> = {}) {
    const backend = await this.backend(name)
    const roster = this.connect(address)
    const registration = roster.register({ ...podOf(backend), ...own })
    await registration.ready
    return { backend, roster, registration }
  }

  async backend(name: string): Promise<Backend> {
    const backend = await startBackend(name)
    this.onClose(() => backend.kill())
    return backend
  }

  client(roster: Roster, target = 'roster:///demo/echo'): grpc.Client {
    const insecure = grpc.credentials.createInsecure()
    const client = new grpc.Client(target, insecure, roster.channelOptions())
    this.onClose(() => client.close())
    return client
  }
}

/** The pod a backend is, behind service demo/echo. */
export const podOf = (backend: Backend): RegisterOptions => ({
  namespace: 'demo',
  name: backend.name,
  labels: { app: 'echo' },
  ports: [{ name: 'grpc', containerPort: backend.port }],
  servers: [backend],
})

/** Makes service demo/echo. */
export const applyEcho = (roster: Roster) =>
  roster.catalog.applyService({
    service: {
      metadata: { namespace: 'demo', name: 'echo' },
      spec: {
        selector: { app: 'echo' },
        ports: [{ name: 'grpc', port: 80, targetPort: 'grpc' }],
      },
    },
  })
