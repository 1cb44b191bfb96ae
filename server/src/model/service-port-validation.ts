import type { FieldErrors } from './field-errors.ts'
import { dns1123Label, ianaServiceName, qualifiedName } from './names.ts'
import { PROTOCOLS } from './service.ts'
import type { PortDraft, ServiceDraft } from './service-draft.ts'
import { isHeadlessDraft } from './service-draft.ts'

const MAX_PORT = 65_535

/** What is wrong with a port number, in Kubernetes' words; [] when nothing is. */
export const portProblems = (port: number): string[] =>
  Number.isInteger(port) && port >= 1 && port <= MAX_PORT
    ? []
    : [`must be between 1 and ${MAX_PORT}, inclusive`]

/** Reports what is wrong with the ports of a service, each and together. */
export const validateServicePorts = (draft: ServiceDraft, errors: FieldErrors): void => {
  const { ports, type } = draft
  if (ports.length === 0 && !isHeadlessDraft(draft) && type !== 'ExternalName') {
    errors.required('spec.ports')
  }
  const rules = { nameIsRequired: ports.length > 1, nodePortIsForbidden: type === 'ClusterIP' }
  ports.forEach((port, i) => {
    validatePort(port, `spec.ports[${i}]`, rules, errors)
  })
  validateUnique(ports, errors)
}

const validatePort = (
  port: PortDraft,
  field: string,
  rules: { readonly nameIsRequired: boolean; readonly nodePortIsForbidden: boolean },
  errors: FieldErrors,
): void => {
  if (port.name !== '') {
    for (const problem of dns1123Label(port.name))
      errors.invalid(`${field}.name`, port.name, problem)
  } else if (rules.nameIsRequired) errors.required(`${field}.name`)
  for (const problem of portProblems(port.port)) errors.invalid(`${field}.port`, port.port, problem)
  if (!(PROTOCOLS as readonly string[]).includes(port.protocol)) {
    errors.notSupported(`${field}.protocol`, port.protocol, PROTOCOLS.toSorted())
  }
  for (const problem of targetPortProblems(port.targetPort)) {
    errors.invalid(`${field}.targetPort`, port.targetPort, problem)
  }
  for (const problem of port.appProtocol === undefined ? [] : qualifiedName(port.appProtocol)) {
    errors.invalid(`${field}.appProtocol`, port.appProtocol, problem)
  }
  if (rules.nodePortIsForbidden && port.nodePort !== 0) {
    errors.forbidden(`${field}.nodePort`, "may not be used when `type` is 'ClusterIP'")
  }
}

const targetPortProblems = (targetPort: number | string): string[] =>
  typeof targetPort === 'number' ? portProblems(targetPort) : ianaServiceName(targetPort)

/** Names, (protocol, port) and (protocol, nodePort) are each unique within a service. */
const validateUnique = (ports: readonly PortDraft[], errors: FieldErrors): void => {
  const seen = new Set<string>()
  const isRepeated = (key: string): boolean => seen.size === seen.add(key).size
  ports.forEach(({ name, protocol, port, nodePort }, i) => {
    const field = `spec.ports[${i}]`
    if (name !== '' && isRepeated(`name ${name}`)) errors.duplicate(`${field}.name`, name)
    if (nodePort !== 0 && isRepeated(`node ${protocol} ${nodePort}`)) {
      errors.duplicate(`${field}.nodePort`, nodePort)
    }
    if (isRepeated(`port ${protocol} ${port}`)) errors.duplicate(field, { protocol, port })
  })
}
