import { fileURLToPath } from 'node:url'
import { GREETER_NAMESPACE } from '../greeter.ts'
import type { Child } from './child.ts'
import type { Children } from './children.ts'

const PROGRAM = fileURLToPath(new URL('../greeter-server.js', import.meta.url))

/** How long a pod takes to answer. Long enough that calls overlap. */
export const WORK_MS = 50

/** More than a drain takes. */
const STOP_GRACE_MS = 10_000

/** The greeter pods, each a process of its own: greeter-1, greeter-2, ... No name comes twice. */
export class Fleet {
  readonly #children: Children
  readonly #registry: string
  readonly #pods = new Map<string, Child>()
  #started = 0

  /** `registry`: address the pods register at. */
  constructor(children: Children, registry: string) {
    this.#children = children
    this.#registry = registry
  }

  /** Names of the pods there should be, oldest first. */
  get names(): readonly string[] {
    return [...this.#pods.keys()]
  }

  /** Name of the pod that has been there longest. */
  get oldest(): string {
    const [name] = this.#pods.keys()
    if (name === undefined) throw new Error('there is no pod: scale up first')
    return name
  }

  /** Last log lines of the pods of these names. */
  logOf(names: readonly string[]): string {
    return names.flatMap((name) => this.#pods.get(name)?.log ?? []).join('\n')
  }

  /** Starts a pod; it is up when it is in the endpoint set. Its name. */
  start(workMs = WORK_MS): string {
    this.#started += 1
    const name = `greeter-${this.#started}`
    const env = {
      ROSTER_REGISTRY: this.#registry,
      POD_NAME: name,
      NAMESPACE: GREETER_NAMESPACE,
      LABELS: 'app=greeter',
      HOST: '127.0.0.1',
      PORT: '0',
      ADVERTISE_IP: '127.0.0.1',
      WORK_MS: String(workMs),
    }
    this.#pods.set(name, this.#children.start({ name, file: PROGRAM, env }))
    return name
  }

  /** Has a pod drain and end (SIGTERM). Resolves when its process is gone. */
  async stop(name: string): Promise<void> {
    const pod = this.#take(name)
    // A planned stop is no failure: once it has drained, the SDK ends the process so.
    const { how } = await pod.stop(STOP_GRACE_MS)
    if (how !== 'exit code 0')
      throw new Error(`${name} ended with ${how} when asked to drain\n${pod.log}`)
  }

  /** Ends a pod as a crash does (SIGKILL). */
  async kill(name: string): Promise<void> {
    await this.#take(name).kill()
  }

  /** Has a pod stand still (SIGSTOP). */
  freeze(name: string): void {
    this.#pods.get(name)?.freeze()
  }

  /** Lets a frozen pod go on (SIGCONT). */
  thaw(name: string): void {
    this.#pods.get(name)?.thaw()
  }

  /** Starts pods, or stops the newest, until there are `count`. */
  async scaleTo(count: number): Promise<void> {
    while (this.#pods.size < count) this.start()
    await Promise.all(this.names.slice(count).map((name) => this.stop(name)))
  }

  /** The process of a pod that from now on should not be there. */
  #take(name: string): Child {
    const pod = this.#pods.get(name)
    if (pod === undefined) throw new Error(`there is no pod ${name}`)
    this.#pods.delete(name)
    return pod
  }
}
