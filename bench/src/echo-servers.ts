import { setTimeout as delay } from 'node:timers/promises'
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { echoMethod } from './echo-method.ts'

/** Calls that one server works on at a time; the others wait. */
const WORKERS = 8

/**
 * Answers calls after a while, as a server with a fixed number of workers does.
 * Started as a process of its own: one server for each argument, which is how many
 * milliseconds it works on a call. Prints their ports.
 */
class EchoServer {
  readonly #name: string
  readonly #workMs: number
  readonly #waiting: (() => void)[] = []
  #working = 0

  constructor(name: string, workMs: number) {
    this.#name = name
    this.#workMs = workMs
  }

  listen(): Promise<number> {
    const server = new Server({ 'grpc.enable_channelz': 0 })
    server.addService({ echo: echoMethod }, { echo: this.#answer })
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      )
    })
  }

  readonly #answer = (_: ServerUnaryCall<string, string>, done: sendUnaryData<string>): void => {
    if (this.#workMs === 0) {
      done(null, this.#name)
      return
    }
    this.#work().then(
      () => done(null, this.#name),
      (error) => done({ code: status.INTERNAL, details: String(error) }),
    )
  }

  async #work(): Promise<void> {
    if (this.#working === WORKERS) await new Promise<void>((go) => this.#waiting.push(go))
    else this.#working += 1
    await delay(this.#workMs)
    const next = this.#waiting.shift()
    // It takes over the worker.
    if (next) next()
    else this.#working -= 1
  }
}

const servers = process.argv.slice(2).map((workMs, i) => new EchoServer(`${i}`, Number(workMs)))
const ports = await Promise.all(servers.map((server) => server.listen()))
process.stdout.write(`ports ${ports.join(' ')}\n`)
