import { constants } from 'node:os'
import type { Container, EngineEvent } from './engine.ts'

/** What happened that changes what a container is to others. `docker exec` makes events too, and many. */
const CHANGING =
  /^(?:start|restart|die|stop|kill|pause|unpause|rename|update|destroy|connect|disconnect|health_status.*)$/

/** Signals that ask a process to end: SIGINT, SIGQUIT, SIGTERM. */
const ENDING = new Set([2, 3, 15])

/** The containers of an engine as they were last seen, and which of them were told to stop. */
export class ContainerStore {
  readonly #containers = new Map<string, Container>()
  /** When they were last sent a signal to end, in milliseconds since 1970. */
  readonly #killedAtMs = new Map<string, number>()

  get containers(): ReadonlyMap<string, Container> {
    return this.#containers
  }

  /** Takes a container as it is now; absent, it is gone. */
  put(id: string, container: Container | undefined): void {
    if (container) this.#containers.set(id, container)
    else {
      this.#containers.delete(id)
      this.#killedAtMs.delete(id)
    }
  }

  /** Forgets all but these. */
  keepOnly(ids: readonly string[]): void {
    const present = new Set(ids)
    for (const id of this.#containers.keys()) if (!present.has(id)) this.put(id, undefined)
  }

  /** Id of the container that an event may have changed; undefined when it changed none. */
  read({ Type, Action, Actor, timeNano }: EngineEvent): string | undefined {
    if (!CHANGING.test(Action)) return undefined
    if (Type === 'network') return Actor.Attributes?.container
    if (Action === 'kill' && this.#isEnd(Actor.ID, Number(Actor.Attributes?.signal))) {
      this.#killedAtMs.set(Actor.ID, timeNano / 1e6)
    }
    return Actor.ID
  }

  /**
   * Whether a container has been told to stop and still runs: at `docker stop` that
   * is so for seconds, and nothing in its state tells.
   */
  isTerminating({ Id, State }: Container): boolean {
    const killedAtMs = this.#killedAtMs.get(Id)
    return killedAtMs !== undefined && killedAtMs > Date.parse(State.StartedAt)
  }

  #isEnd(id: string, signal: number): boolean {
    const own = this.#containers.get(id)?.Config.StopSignal
    return ENDING.has(signal) || (own !== undefined && signal === numberOf(own))
  }
}

/** `SIGTERM`, `TERM`, `SIGRTMIN+3` or `15` as a number. */
function numberOf(signal: string): number | undefined {
  const name = `SIG${signal.toUpperCase().replace(/^SIG/, '')}`
  const [, above] = /^SIGRTMIN(?:\+(\d+))?$/.exec(name) ?? []
  // The first that glibc leaves to programs.
  if (name.startsWith('SIGRTMIN')) return 34 + Number(above ?? 0)
  return /^\d+$/.test(signal) ? Number(signal) : constants.signals[name as NodeJS.Signals]
}
