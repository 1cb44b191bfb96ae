import { isDeepStrictEqual } from 'node:util'
import { type ExposedContainer, isRunning, portsOf } from './container-pod.ts'
import { type GateTarget, ReadinessGate } from './readiness-gate.ts'

/** The readiness gates of the containers that need one. */
export class GateKeeper {
  readonly #onChange: () => void
  readonly #gates = new Map<string, ReadinessGate>()

  /** `onChange` is told when an answer of `isReady` may have changed. */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** These are the containers now: opens and closes gates. */
  watch(containers: readonly ExposedContainer[]): void {
    const targets = new Map<string, GateTarget>()
    for (const exposed of containers) {
      const target = gateTarget(exposed)
      if (target) targets.set(exposed.container.Id, target)
    }
    for (const [id, gate] of this.#gates) {
      if (isDeepStrictEqual(targets.get(id), gate.target)) continue
      gate.close()
      this.#gates.delete(id)
    }
    for (const [id, target] of targets) {
      if (this.#gates.has(id)) continue
      this.#gates.set(id, new ReadinessGate({ target, onChange: this.#onChange }))
    }
  }

  /**
   * Whether a container can serve: it runs, is healthy if it has a HEALTHCHECK, and
   * its gate says so if it has one. Undefined while that is being found out.
   */
  isReady({ container }: ExposedContainer): boolean | undefined {
    const health = healthOf(container)
    if (!isRunning(container) || (health ?? 'healthy') !== 'healthy') return false
    const gate = this.#gates.get(container.Id)
    return gate ? gate.isReady : true
  }

  close(): void {
    for (const gate of this.#gates.values()) gate.close()
    this.#gates.clear()
  }
}

/** Undefined when the container has no HEALTHCHECK. */
function healthOf({ State }: ExposedContainer['container']): string | undefined {
  const status = State.Health?.Status
  return status === 'none' || status === '' ? undefined : status
}

/**
 * What to ask a container: what its labels say; without HEALTHCHECK the ports its
 * services lead to; without services the least port it declares.
 */
function gateTarget(exposed: ExposedContainer): GateTarget | undefined {
  const { container, wishes, addresses } = exposed
  const [host] = addresses
  if (host === undefined || !isRunning(container)) return undefined
  const { readiness } = wishes
  if (readiness?.type === 'none') return undefined
  if (readiness?.type === 'tcp') return { host, tcpPorts: [readiness.port] }
  if (readiness?.type === 'http') {
    return { host, tcpPorts: [], http: { port: readiness.port, path: readiness.path } }
  }
  const tcpPorts = portsOf(exposed)
    .filter(({ protocol }) => protocol === 'TCP')
    .map(({ containerPort = 0 }) => containerPort)
  const served = new Set(
    [...wishes.services.values()].flatMap(({ spec }) =>
      spec.ports.map((p) => Number(p.targetPort)),
    ),
  )
  const asked = served.size > 0 ? tcpPorts.filter((port) => served.has(port)) : tcpPorts.slice(0, 1)
  return healthOf(container) !== undefined || asked.length === 0
    ? undefined
    : { host, tcpPorts: asked }
}
