import { FieldErrors } from './field-errors.ts'
import { ipProblems } from './ip.ts'
import { dns1123Subdomain } from './names.ts'
import type { Service, ServiceStatus } from './service.ts'

/** How traffic reaches a node from a load balancer's address (core/v1 LoadBalancerIPMode). */
const IP_MODES = ['Proxy', 'VIP']
const DEFAULT_IP_MODE = 'VIP'

type Ingress = ServiceStatus['loadBalancer']['ingress'][number]

/**
 * The service with the status that a load balancer provider gives it: defaults
 * filled in and validated as core/v1 does (ValidateLoadBalancerStatus). '' stands
 * for "not said". Fails with INVALID, a violation for each bad field.
 */
export const admitServiceStatus = (service: Service, input: ServiceStatus): Service => {
  const ingress = input.loadBalancer.ingress.map(withDefaults)
  const errors = new FieldErrors()
  if (ingress.length > 0 && service.spec.type !== 'LoadBalancer') {
    const detail = 'may only be used when `spec.type` is "LoadBalancer"'
    errors.forbidden('status.loadBalancer.ingress', detail)
  } else {
    for (const [i, way] of ingress.entries()) validateIngress(way, i, errors)
  }
  errors.throwIfAny('Service', service.metadata.name)
  return { ...service, status: { loadBalancer: { ingress } } }
}

const withDefaults = ({ ip, hostname, ipMode }: Ingress): Ingress => ({
  ip,
  hostname,
  ipMode: ipMode === '' && ip !== '' ? DEFAULT_IP_MODE : ipMode,
})

const validateIngress = (
  { ip, hostname, ipMode }: Ingress,
  i: number,
  errors: FieldErrors,
): void => {
  const field = `status.loadBalancer.ingress[${i}]`
  if (ip !== '') {
    for (const problem of ipProblems(ip)) errors.invalid(`${field}.ip`, ip, problem)
  }
  if (ipMode !== '' && ip === '') {
    errors.forbidden(`${field}.ipMode`, 'may not be specified when `ip` is not set')
  } else if (ipMode !== '' && !IP_MODES.includes(ipMode)) {
    errors.notSupported(`${field}.ipMode`, ipMode, IP_MODES)
  }
  if (hostname === '') return
  for (const problem of dns1123Subdomain(hostname)) {
    errors.invalid(`${field}.hostname`, hostname, problem)
  }
  if (ipProblems(hostname).length === 0) {
    errors.invalid(`${field}.hostname`, hostname, 'must be a DNS name, not an IP address')
  }
}
