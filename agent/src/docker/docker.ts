import type { Roster } from '@roster/client'
import type { Pod, Service } from '@roster/proto'
import type { Logger } from 'pino'
import type { Module } from '../module.ts'
import { readLabels } from './container-labels.ts'
import { addressesOf, type ExposedContainer, labelsOf, podOf } from './container-pod.ts'
import { EngineFollower } from './engine-follower.ts'
import { GateKeeper } from './gate-keeper.ts'
import { LabelServices, serviceOf } from './label-services.ts'
import { keyOf, PodRegistrar } from './pod-registrar.ts'

export interface DockerOptions {
  /** The engine's Unix socket. */
  readonly socketPath: string
  /** Whether containers without the label `roster.enable` are pods. Default false. */
  readonly exposedByDefault?: boolean
  /** How often everything is looked at anew, in milliseconds. Default 60,000. */
  readonly relistMs?: number
  /** How long a service without containers is kept, in milliseconds. Default 600,000. */
  readonly keepServicesMs?: number
}

/** Where the containers run, and who is told of them. */
export interface DockerSurroundings {
  readonly roster: Roster
  readonly node: string
  /** Empty: not said. */
  readonly zone: string
  readonly log: Logger
}

/**
 * Registers the containers of a Docker engine as pods, and the services their labels
 * describe. Waits neither for the engine nor for the registry: while one of them
 * is away the pods stay as they were.
 */
export function startDocker(options: DockerOptions, surroundings: DockerSurroundings): Module {
  return new DockerSource(options, surroundings)
}

class DockerSource implements Module {
  readonly name = 'docker'
  readonly address: string
  readonly failed = new Promise<never>(() => {})
  readonly #options: DockerOptions
  readonly #surroundings: DockerSurroundings
  readonly #follower: EngineFollower
  readonly #registrar: PodRegistrar
  readonly #services: LabelServices
  readonly #gates = new GateKeeper(() => this.#reconcile())
  /** What was last said to be wrong with each container. */
  readonly #complaints = new Map<string, string>()

  constructor(options: DockerOptions, surroundings: DockerSurroundings) {
    const { socketPath, relistMs = 60_000, keepServicesMs } = options
    const { roster, log } = surroundings
    this.address = socketPath
    this.#options = options
    this.#surroundings = surroundings
    this.#registrar = new PodRegistrar({ roster, log })
    this.#services = new LabelServices({
      roster,
      log,
      ...(keepServicesMs !== undefined && { keepMs: keepServicesMs }),
    })
    this.#follower = new EngineFollower({
      socketPath,
      relistMs,
      log,
      onChange: () => this.#reconcile(),
      onRelist: () => {
        this.#services.sweep()
        this.#registrar.check()
      },
    })
  }

  async close(): Promise<void> {
    await this.#follower.close()
    this.#gates.close()
    await Promise.all([this.#services.close(), this.#registrar.close()])
  }

  /** Makes the containers, as they were last seen, what the registry is told. */
  #reconcile(): void {
    const { containers } = this.#follower
    for (const id of this.#complaints.keys()) if (!containers.has(id)) this.#complaints.delete(id)
    const exposed = this.#exposed()
    this.#gates.watch(exposed)
    const pods = exposed.map((one) => this.#podOf(one)).filter((pod) => pod !== undefined)
    this.#registrar.set(new Map(pods.map((pod) => [keyOf(pod), pod])))
    this.#services.set(servicesOf(exposed))
  }

  /** The containers that are to be pods, the oldest first. */
  #exposed(): readonly ExposedContainer[] {
    const { containers } = this.#follower
    return [...containers.values()]
      .filter(({ State }) => State.Status !== 'created')
      .map((container) => {
        const wishes = readLabels(container, this.#options.exposedByDefault ?? false)
        return { container, wishes, addresses: addressesOf(container, wishes, containers) }
      })
      .filter(({ wishes }) => wishes.isExposed)
      .map((one) => this.#complain(one))
      .toSorted((a, b) => Date.parse(a.container.Created) - Date.parse(b.container.Created))
  }

  /** Undefined while it is not known whether a pod nobody has been told of is ready. */
  #podOf(exposed: ExposedContainer): Pod | undefined {
    const { node, zone } = this.#surroundings
    const { container } = exposed
    const isReady = this.#gates.isReady(exposed)
    const terminating = this.#follower.isTerminating(container)
    const pod = podOf(exposed, { node, zone, ready: isReady ?? false, terminating })
    // A former life of this agent may have said that it is ready.
    return isReady === undefined && !this.#registrar.has(keyOf(pod)) ? undefined : pod
  }

  #complain(exposed: ExposedContainer): ExposedContainer {
    const { container, wishes, addresses } = exposed
    const isNowhere = container.State.Status === 'running' && addresses.length === 0
    const nowhere = 'it has no address of its own: give roster.network or roster.address'
    const problems = [...wishes.problems, ...(isNowhere ? [nowhere] : [])].join('; ')
    if (problems !== (this.#complaints.get(container.Id) ?? '')) {
      if (problems !== '') {
        this.#surroundings.log.warn({ container: container.Name, problems }, 'container')
      }
      this.#complaints.set(container.Id, problems)
    }
    return exposed
  }
}

/** What the labels describe; where containers differ the newest is right. */
function servicesOf(exposed: readonly ExposedContainer[]): ReadonlyMap<string, Service> {
  const services = new Map<string, Service>()
  for (const one of exposed) {
    const { namespace } = one.wishes
    const { labels } = labelsOf(one)
    for (const [name, described] of one.wishes.services) {
      services.set(`${namespace}/${name}`, serviceOf(name, namespace, described, labels))
    }
  }
  return services
}
