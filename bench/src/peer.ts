import type { ServerProcess } from './server-process.ts'

/** One request, ready to be sent: nothing is serialised while the clock runs. */
export interface Call {
  /** The method, as `/package.Service/Method`. */
  readonly path: string
  /** The method's request headers, encoded. */
  readonly headers: Buffer
  /** The request message, encoded. */
  readonly request: Buffer
}

/** A started server and how to ask it for the things both sides can do. */
export interface Peer {
  readonly name: 'roster' | 'etcd'
  readonly process: ServerProcess
  /** `host:port` it listens at. */
  readonly address: string
  /** Makes what the watchers of the fan-out watch. */
  prepare(): Promise<void>
  /** Opens a watch on it. */
  readonly watch: Call
  /** Revision a message brings a watcher to; 0 when it tells of no change. */
  watchedRevision(message: Buffer): number
  /** The n-th change of it; each leaves another state behind. */
  change(n: number): Call
  /** Revision of a change, out of its response. */
  changedRevision(response: Buffer): number
  /** Writes the n-th pod. */
  register(n: number): Call
}
