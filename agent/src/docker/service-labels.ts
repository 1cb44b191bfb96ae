import type { ServicePort, ServiceSpec } from '@roster/proto'

/** A service as the labels of one container describe it. */
export interface LabelledService {
  readonly spec: ServiceSpec & { readonly ports: readonly ServicePort[] }
  readonly annotations: Readonly<Record<string, string>>
}

/** A label that means nothing; the message says why. */
class LabelError extends Error {}

/**
 * Describes a service field by field, from what follows `roster.services.NAME.` in
 * the labels: `ports.NAME`, `annotations.KEY`, and any field of core/v1 ServiceSpec
 * as a dotted path.
 */
export class ServiceLabels {
  #spec: ServiceSpec = {}
  readonly #ports = new Map<string, ServicePort>()
  readonly #annotations: Record<string, string> = {}

  /** Takes one label; what is wrong with it, if anything. */
  add(path: string, text: string): string | undefined {
    try {
      this.#set(path, text)
      return undefined
    } catch (error) {
      if (error instanceof LabelError) return error.message
      throw error
    }
  }

  /** What the labels said, ports by name. */
  get service(): LabelledService {
    const ports = [...this.#ports]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, port]) => (port.port === undefined ? [] : [port]))
    const wantsNodePort = ports.some(({ nodePort = 0 }) => nodePort > 0)
    const type = this.#spec.type ?? (wantsNodePort ? 'NodePort' : undefined)
    return {
      spec: { ...this.#spec, ...(type !== undefined && { type }), ports },
      annotations: this.#annotations,
    }
  }

  #set(path: string, text: string): void {
    const [first = '', rest = ''] = split(path)
    if (first === 'ports' && rest !== '') this.#setPort(rest, text)
    else if (first === 'annotations' && rest !== '') this.#annotations[rest] = text
    else if (first === 'selector' && rest !== '') {
      this.#spec = { ...this.#spec, selector: { ...this.#spec.selector, [rest]: text } }
    } else {
      const field = Object.hasOwn(FIELDS, path) ? FIELDS[path] : undefined
      if (!field) throw new LabelError(`there is no field "${path}" in a service's spec`)
      this.#spec = { ...this.#spec, ...field(text) }
    }
  }

  #setPort(path: string, text: string): void {
    const [name = '', field] = split(path)
    const old = this.#ports.get(name) ?? { name }
    if (field === undefined) this.#ports.set(name, { ...old, ...parsePort(text) })
    else if (field === 'appProtocol') this.#ports.set(name, { ...old, appProtocol: text })
    else throw new LabelError(`there is no field "${field}": a port has appProtocol`)
  }
}

/** What stands before the first dot, and what after it. */
function split(path: string): [first: string, rest?: string] {
  const dot = path.indexOf('.')
  return dot === -1 ? [path] : [path.slice(0, dot), path.slice(dot + 1)]
}

/** `80:8080/tcp@30080`: port, port of the container, protocol, node port; all but the first may be left out. */
function parsePort(text: string): ServicePort {
  const match = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp|sctp))?(?:@(\d{1,5}))?$/i.exec(text)
  const [, port, target, protocol = 'TCP', nodePort] = match ?? []
  const numbers = [port ?? target, target, nodePort ?? 1].map(Number)
  if (target === undefined || numbers.some((number) => number < 1 || number > 65_535)) {
    throw new LabelError('must be PORT[:CONTAINER-PORT][/tcp|udp|sctp][@NODE-PORT]')
  }
  return {
    port: Number(port ?? target),
    targetPort: target,
    protocol: protocol.toUpperCase(),
    ...(nodePort !== undefined && { nodePort: Number(nodePort) }),
  }
}

/** Fields of core/v1 ServiceSpec by their path in a manifest. */
const FIELDS: Readonly<Record<string, (text: string) => ServiceSpec>> = {
  type: (type) => (type === 'Headless' ? { type: 'ClusterIP', clusterIp: 'None' } : { type }),
  clusterIP: (clusterIp) => ({ clusterIp }),
  clusterIPs: (text) => ({ clusterIps: list(text) }),
  ipFamilies: (text) => ({ ipFamilies: list(text) }),
  ipFamilyPolicy: (ipFamilyPolicy) => ({ ipFamilyPolicy }),
  externalName: (externalName) => ({ externalName }),
  externalIPs: (text) => ({ externalIps: list(text) }),
  sessionAffinity: (sessionAffinity) => ({ sessionAffinity }),
  'sessionAffinityConfig.clientIP.timeoutSeconds': (text) => ({
    sessionAffinityConfig: { clientIp: { timeoutSeconds: integer(text) } },
  }),
  internalTrafficPolicy: (internalTrafficPolicy) => ({ internalTrafficPolicy }),
  externalTrafficPolicy: (externalTrafficPolicy) => ({ externalTrafficPolicy }),
  healthCheckNodePort: (text) => ({ healthCheckNodePort: integer(text) }),
  publishNotReadyAddresses: (text) => ({ publishNotReadyAddresses: truth(text) }),
  allocateLoadBalancerNodePorts: (text) => ({ allocateLoadBalancerNodePorts: truth(text) }),
  loadBalancerClass: (loadBalancerClass) => ({ loadBalancerClass }),
  loadBalancerSourceRanges: (text) => ({ loadBalancerSourceRanges: list(text) }),
  loadBalancerIP: (loadBalancerIp) => ({ loadBalancerIp }),
  trafficDistribution: (trafficDistribution) => ({ trafficDistribution }),
}

const list = (text: string): string[] => text.split(',').map((element) => element.trim())

function integer(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new LabelError('must be a whole number')
}

function truth(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new LabelError('must be true or false')
}
