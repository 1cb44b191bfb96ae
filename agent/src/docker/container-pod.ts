import { isIP } from 'node:net'
import type { ContainerPort, Pod } from '@roster/proto'
import type { ContainerWishes } from './container-labels.ts'
import type { Container } from './engine.ts'
import { podLabels } from './pod-labels.ts'
import { exposedPorts } from './registrator.ts'

/** Labels that the services made from labels select by. */
export const NAME_LABEL = 'app.kubernetes.io/name'
export const INSTANCE_LABEL = 'app.kubernetes.io/instance'
const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'
/** Whose work it is, in MANAGED_BY_LABEL. */
export const MANAGED_BY = 'roster-agent'

/** A container that is to be a pod, and what it wishes. */
export interface ExposedContainer {
  readonly container: Container
  readonly wishes: ContainerWishes
  /** Where it can be reached: none while it does not run. */
  readonly addresses: readonly string[]
}

/** What the container does not say of itself. */
export interface PodCircumstances {
  readonly node: string
  readonly zone: string
  readonly ready: boolean
  readonly terminating: boolean
}

/**
 * The pod of a container. Its name and uid are those of the same container for ever,
 * whichever agent registers it: one that restarts takes its pods over without a change.
 */
export function podOf(exposed: ExposedContainer, circumstances: PodCircumstances): Pod {
  const { container, wishes, addresses } = exposed
  const { node, zone, ready, terminating } = circumstances
  const { labels, annotations } = labelsOf(exposed)
  return {
    metadata: {
      namespace: wishes.namespace,
      name: podName(container),
      uid: container.Id,
      labels,
      annotations,
    },
    spec: {
      ports: [...portsOf(exposed)],
      nodeName: node,
      zone,
      hostname: wishes.hostname,
    },
    status: { podIps: [...addresses], phase: phaseOf(container), ready, terminating },
  }
}

/** The container's labels as the pod's, with those that say what it is where it does not. */
export function labelsOf({ container, wishes }: ExposedContainer) {
  const project = wishes.otherLabels['com.docker.compose.project']
  return podLabels(wishes.otherLabels, {
    [NAME_LABEL]: applicationName(container, wishes),
    ...(project !== undefined && { [INSTANCE_LABEL]: project }),
    [MANAGED_BY_LABEL]: MANAGED_BY,
  })
}

/** Containers started by hand have no common name but that of their service. */
function applicationName(container: Container, wishes: ContainerWishes): string {
  const [service] = [...wishes.services.keys()].toSorted()
  return wishes.otherLabels['com.docker.compose.service'] ?? service ?? plainName(container)
}

const plainName = ({ Name }: Container): string => Name.replace(/^\//, '')

/** The container's name, and its id: names are unique on one machine only. */
export function podName(container: Container): string {
  const name = plainName(container)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .slice(0, 50)
    .replaceAll(/^-+|-+$/g, '')
  return [name, container.Id.slice(0, 12)].filter((part) => part !== '').join('-')
}

/** The ports its services lead to, with the names they have there, then the rest that is declared. */
export function portsOf({ container, wishes }: ExposedContainer): readonly ContainerPort[] {
  const ports = new Map<string, ContainerPort>()
  const names = new Set<string>()
  const add = (containerPort: number, protocol: string, name: string) => {
    const key = `${containerPort}/${protocol}`
    if (ports.has(key)) return
    const isUsable = isPortName(name) && !names.has(name)
    if (isUsable) names.add(name)
    ports.set(key, { name: isUsable ? name : '', containerPort, protocol })
  }
  for (const { spec } of wishes.services.values()) {
    for (const { targetPort, protocol = 'TCP', name = '' } of spec.ports) {
      add(Number(targetPort), protocol, name)
    }
  }
  for (const { port, protocol } of exposedPorts(container.Config)) {
    add(port, protocol.toUpperCase(), '')
  }
  return [...ports.values()].slice(0, 100)
}

/** IANA service names (RFC 6335 section 5.1), which ports of a pod have. */
const isPortName = (name: string): boolean =>
  /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)

/** Whether its process is there and takes part: one that is paused does not. */
export const isRunning = ({ State }: Container): boolean => State.Status === 'running'

function phaseOf({ State }: Container): string {
  if (State.Status !== 'exited' && State.Status !== 'dead') return 'Running'
  return State.ExitCode === 0 ? 'Succeeded' : 'Failed'
}

/**
 * Where a container can be reached: at the address its labels give, else in the
 * network they name, else in the one it was created with. One that lives in the
 * network of another (`network_mode: service:…`) has the other's addresses.
 */
export function addressesOf(
  container: Container,
  wishes: Pick<ContainerWishes, 'address' | 'network'>,
  containers: ReadonlyMap<string, Container>,
): readonly string[] {
  if (!isRunning(container) && container.State.Status !== 'paused') return []
  if (wishes.address !== undefined) return [wishes.address]
  const host = /^container:(.+)$/.exec(container.HostConfig.NetworkMode)?.[1]
  const other = host === undefined ? undefined : containers.get(host)
  const networks = (other ?? container).NetworkSettings.Networks ?? {}
  const mode = (other ?? container).HostConfig.NetworkMode
  // The default network is called so in one place and otherwise in the other.
  const created = mode === 'default' ? 'bridge' : mode
  const [first] = Object.keys(networks).toSorted()
  const name = wishes.network ?? (Object.hasOwn(networks, created) ? created : first)
  const network = name === undefined ? undefined : networks[name]
  return [network?.IPAddress, network?.GlobalIPv6Address].filter(
    (address): address is string => address !== undefined && isIP(address) !== 0,
  )
}
