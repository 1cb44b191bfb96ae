import { fileURLToPath } from 'node:url'
import { GREETER_NAMESPACE } from '../greeter.ts'
import type { Child } from './child.ts'
import type { Children } from './children.ts'

const PROGRAM = fileURLToPath(new URL('../greeter-server.js', import.meta.url))

/** More than a drain takes. */
const STOP_GRACE_MS = 10_000

/** The greeter pods, each a process of its own: greeter-1, greeter-2, ... */
export class Fleet {
  readonly #children: Children
  readonly #registry: string
  readonly #pods: Child[] = []

  /** `registry`: address the pods register at. */
  constructor(children: Children, registry: string) {
    this.#children = children
    this.#registry = registry
  }

  /** Names of the pods there should be. */
  get names(): readonly string[] {
    return this.#pods.map(({ name }) => name)
  }

  /** Last log lines of the pods of these names. */
  logOf(names: readonly string[]): string {
    return this.#pods
      .filter(({ name }) => names.includes(name))
      .map(({ log }) => log)
      .join('\n')
  }

  /**
   * Starts pods, or drains the newest with SIGTERM, until there are `count`.
   * Resolves when the processes of drained pods have ended; new ones are only
   * started, and are up when they are in the endpoint set.
   */
  async scaleTo(count: number): Promise<void> {
    while (this.#pods.length < count) this.#pods.push(this.#start(this.#pods.length + 1))
    await Promise.all(this.#pods.splice(count).map(drain))
  }

  #start(number: number): Child {
    const name = `greeter-${number}`
    return this.#children.start({
      name,
      file: PROGRAM,
      env: {
        ROSTER_REGISTRY: this.#registry,
        POD_NAME: name,
        NAMESPACE: GREETER_NAMESPACE,
        LABELS: 'app=greeter',
        HOST: '127.0.0.1',
        PORT: '0',
        ADVERTISE_IP: '127.0.0.1',
      },
    })
  }
}

async function drain(pod: Child): Promise<void> {
  // A planned stop is no failure: once it has drained, the SDK ends the process so.
  const { how } = await pod.stop(STOP_GRACE_MS)
  if (how !== 'exit code 0')
    throw new Error(`${pod.name} ended with ${how} when asked to drain\n${pod.log}`)
}
