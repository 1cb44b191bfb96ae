import { isIPv6 } from 'node:net'
import { podAddressProblems } from './endpoint-address.ts'
import type { FieldErrors } from './field-errors.ts'
import { grpcMethod, MAX_METHODS } from './grpc-method.ts'
import { labelValue, validateObjectMeta } from './labels.ts'
import { dns1123Label, dns1123Subdomain, ianaServiceName, type NameRule } from './names.ts'
import {
  type ContainerPort,
  MAX_WEIGHT,
  POD_PHASES,
  type Pod,
  type PodPhase,
  type PodSpec,
  type PodStatus,
} from './pod.ts'
import { validateProbe } from './probe-admission.ts'
import { PROTOCOLS } from './service.ts'

const MAX_PORTS = 100

/**
 * Reports what is wrong with a pod, defaults already filled in (core/v1 ValidatePod,
 * as far as a pod here goes). Runs for every registration: the field of a problem
 * is spelled out only when there is one.
 */
export const validatePod = ({ metadata, spec, status }: Pod, errors: FieldErrors): void => {
  validateObjectMeta(metadata, dns1123Subdomain, errors)
  validateSpec(spec, errors)
  validateStatus(status, errors)
}

const validateSpec = (spec: PodSpec, errors: FieldErrors): void => {
  validatePorts(spec.ports, errors)
  validateOptional(spec.nodeName, 'spec.nodeName', dns1123Subdomain, errors)
  validateOptional(spec.zone, 'spec.zone', labelValue, errors)
  validateOptional(spec.hostname, 'spec.hostname', dns1123Label, errors)
  validateOptional(spec.subdomain, 'spec.subdomain', dns1123Label, errors)
  validateWeight(spec.weight, 'spec.weight', errors)
  validateMethods(spec.notIdempotentMethods ?? [], 'spec.notIdempotentMethods', errors)
  if (spec.readinessProbe !== undefined) {
    validateProbe(spec.readinessProbe, 'spec.readinessProbe', errors)
  }
}

const validateMethods = (methods: readonly string[], field: string, errors: FieldErrors): void => {
  if (methods.length > MAX_METHODS) {
    errors.tooMany(field, methods.length, MAX_METHODS)
    return
  }
  methods.forEach((method, i) => {
    for (const problem of grpcMethod(method)) errors.invalid(`${field}[${i}]`, method, problem)
  })
}

const validatePorts = (ports: readonly ContainerPort[], errors: FieldErrors): void => {
  if (ports.length > MAX_PORTS) {
    errors.tooMany('spec.ports', ports.length, MAX_PORTS)
    return
  }
  ports.forEach((port, i) => {
    validatePort(port, i, errors)
    // At most 100: looking back is cheaper than a set of names.
    if (port.name !== '' && ports.findIndex(({ name }) => name === port.name) < i) {
      errors.duplicate(`spec.ports[${i}].name`, port.name)
    }
  })
}

const validatePort = (port: ContainerPort, i: number, errors: FieldErrors): void => {
  const { name, containerPort, protocol } = port
  if (name !== '') {
    for (const problem of ianaServiceName(name)) {
      errors.invalid(`spec.ports[${i}].name`, name, problem)
    }
  }
  if (containerPort === 0) errors.required(`spec.ports[${i}].containerPort`)
  else if (!isBetween(containerPort, 1, 65_535)) {
    const problem = 'must be between 1 and 65535, inclusive'
    errors.invalid(`spec.ports[${i}].containerPort`, containerPort, problem)
  }
  if (!PROTOCOLS.includes(protocol)) {
    errors.notSupported(`spec.ports[${i}].protocol`, protocol, PROTOCOLS.toSorted())
  }
}

const validateStatus = ({ podIPs, phase }: PodStatus, errors: FieldErrors): void => {
  validatePhase(phase, errors)
  podIPs.forEach((address, i) => {
    for (const problem of podAddressProblems(address)) {
      errors.invalid(`status.podIPs[${i}]`, address, problem)
    }
  })
  const [first = '', second = ''] = podIPs
  if (podIPs.length > 2 || (podIPs.length === 2 && isIPv6(first) === isIPv6(second))) {
    const problem = 'may specify no more than one IP for each IP family'
    errors.invalid('status.podIPs', podIPs, problem)
  }
}

/** Reports a phase that core/v1 does not know. */
export const validatePhase = (phase: PodPhase, errors: FieldErrors): void => {
  if (!POD_PHASES.includes(phase)) {
    errors.notSupported('status.phase', phase, POD_PHASES.toSorted())
  }
}

/** Reports a weight that is no whole number from 0 to 10000. */
export const validateWeight = (weight: number, field: string, errors: FieldErrors): void => {
  if (isBetween(weight, 0, MAX_WEIGHT)) return
  errors.invalid(field, weight, `must be between 0 and ${MAX_WEIGHT}, inclusive`)
}

const validateOptional = (
  value: string,
  field: string,
  rule: NameRule,
  errors: FieldErrors,
): void => {
  if (value === '') return
  for (const problem of rule(value)) errors.invalid(field, value, problem)
}

const isBetween = (value: number, from: number, to: number): boolean =>
  Number.isInteger(value) && value >= from && value <= to
