import { Client, credentials } from '@grpc/grpc-js'
import type { CallOptions } from './calls.ts'
import type { Call } from './peer.ts'

const asItIs = (bytes: Buffer) => bytes

/** Callers of one Node process: they share a grpc-js client, as callers do. */
export class GrpcJsCallers {
  readonly #client: Client

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure())
  }

  /** Makes the calls. Returns how many were answered per second. Errors: when a call fails. */
  async callAll(calls: readonly Call[], options: CallOptions): Promise<number> {
    const { callers, forMs = Number.POSITIVE_INFINITY } = options
    const startMs = performance.now()
    let begun = 0
    const caller = async () => {
      while (begun < calls.length && performance.now() - startMs < forMs) {
        const call = calls[begun++]
        if (call !== undefined) await this.#call(call)
      }
    }
    await Promise.all(Array.from({ length: callers }, caller))
    return (begun * 1000) / (performance.now() - startMs)
  }

  close(): void {
    this.#client.close()
  }

  #call({ path, request }: Call): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, asItIs, asItIs, request, (error) => {
        if (error === null) resolve()
        else reject(error)
      })
    })
  }
}
