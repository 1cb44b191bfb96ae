import type { FieldErrors } from './field-errors.ts'
import { ianaServiceName } from './names.ts'
import {
  type GRPCAction,
  type HTTPGetAction,
  PROBE_DEFAULTS,
  PROBE_SCHEMES,
  type Probe,
  type ProbeScheme,
  type TCPSocketAction,
} from './probe.ts'
import { portProblems } from './service-port-validation.ts'

/** A probe as a registration says it; what is absent, null, 0 or '' has a default. */
export interface ProbeInput {
  readonly httpGet?: HTTPGetInput | null | undefined
  readonly tcpSocket?: TCPSocketInput | null | undefined
  readonly grpc?: GRPCInput | null | undefined
  readonly initialDelaySeconds?: number | undefined
  readonly timeoutSeconds?: number | undefined
  readonly periodSeconds?: number | undefined
  readonly successThreshold?: number | undefined
  readonly failureThreshold?: number | undefined
}

export interface HTTPGetInput {
  readonly path?: string | undefined
  /** Text of digits is a number, all other the name of a port. */
  readonly port?: number | string | undefined
  readonly host?: string | undefined
  readonly scheme?: string | undefined
  readonly httpHeaders?:
    | readonly { readonly name?: string | undefined; readonly value?: string | undefined }[]
    | undefined
}

export interface TCPSocketInput {
  readonly port?: number | string | undefined
  readonly host?: string | undefined
}

export interface GRPCInput {
  readonly port?: number | undefined
  readonly service?: string | undefined
}

/**
 * The probe to store, defaults filled in (Kubernetes SetDefaults_Probe,
 * SetDefaults_HTTPGetAction) and not yet validated. Its members always come in
 * the same order: equal probes are equal as JSON.
 */
export const toProbe = (input: ProbeInput): Probe => ({
  ...(input.httpGet && { httpGet: toHTTPGet(input.httpGet) }),
  ...(input.tcpSocket && { tcpSocket: toTCPSocket(input.tcpSocket) }),
  ...(input.grpc && { grpc: toGRPC(input.grpc) }),
  initialDelaySeconds: input.initialDelaySeconds || PROBE_DEFAULTS.initialDelaySeconds,
  timeoutSeconds: input.timeoutSeconds || PROBE_DEFAULTS.timeoutSeconds,
  periodSeconds: input.periodSeconds || PROBE_DEFAULTS.periodSeconds,
  successThreshold: input.successThreshold || PROBE_DEFAULTS.successThreshold,
  failureThreshold: input.failureThreshold || PROBE_DEFAULTS.failureThreshold,
})

// A cast says what validation then makes sure of.
const toHTTPGet = (input: HTTPGetInput): HTTPGetAction => ({
  path: input.path || '/',
  port: toPort(input.port),
  host: input.host ?? '',
  scheme: (input.scheme || 'HTTP') as ProbeScheme,
  httpHeaders: (input.httpHeaders ?? []).map(({ name = '', value = '' }) => ({ name, value })),
})

const toTCPSocket = ({ port, host = '' }: TCPSocketInput): TCPSocketAction => ({
  port: toPort(port),
  host,
})

const toGRPC = ({ port = 0, service = '' }: GRPCInput): GRPCAction => ({ port, service })

const toPort = (port: number | string = ''): number | string =>
  typeof port === 'string' && /^-?\d+$/.test(port) ? Number(port) : port

/**
 * Reports what is wrong with a probe, defaults already filled in. Rules and
 * wording: Kubernetes pkg/apis/core/validation validateProbe, validateHandler,
 * validateHTTPGetAction.
 */
export const validateProbe = (probe: Probe, field: string, errors: FieldErrors): void => {
  const handlers = (['httpGet', 'tcpSocket', 'grpc'] as const).filter((name) => name in probe)
  for (const name of handlers.slice(1)) {
    errors.forbidden(`${field}.${name}`, 'may not specify more than 1 handler type')
  }
  const [handler] = handlers
  if (handler === undefined) errors.required(field, 'must specify a handler type')
  if (handler === 'httpGet' && probe.httpGet) {
    validateHTTPGet(probe.httpGet, `${field}.httpGet`, errors)
  }
  if (handler === 'tcpSocket' && probe.tcpSocket) {
    validatePort(probe.tcpSocket.port, `${field}.tcpSocket.port`, errors)
  }
  if (handler === 'grpc' && probe.grpc) {
    validatePort(probe.grpc.port, `${field}.grpc.port`, errors)
  }
  for (const name of Object.keys(PROBE_DEFAULTS) as (keyof typeof PROBE_DEFAULTS)[]) {
    if (probe[name] >= 0) continue
    errors.invalid(`${field}.${name}`, probe[name], 'must be greater than or equal to 0')
  }
}

const validateHTTPGet = (action: HTTPGetAction, field: string, errors: FieldErrors): void => {
  validatePort(action.port, `${field}.port`, errors)
  if (!PROBE_SCHEMES.includes(action.scheme)) {
    errors.notSupported(`${field}.scheme`, action.scheme, PROBE_SCHEMES)
  }
  action.httpHeaders.forEach(({ name, value }, i) => {
    if (!/^[-A-Za-z0-9]+$/.test(name)) {
      const rule = "a valid HTTP header must consist of alphanumeric characters or '-'"
      errors.invalid(`${field}.httpHeaders[${i}].name`, name, rule)
    }
    // A header of Node's client is Latin-1 without controls (RFC 9110 section 5.5).
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      const rule = 'must be printable Latin-1 text in one line'
      errors.invalid(`${field}.httpHeaders[${i}].value`, value, rule)
    }
  })
}

/** Kubernetes ValidatePortNumOrName. */
const validatePort = (port: number | string, field: string, errors: FieldErrors): void => {
  if (port === '' || port === 0) {
    errors.required(field)
    return
  }
  const problems = typeof port === 'number' ? portProblems(port) : ianaServiceName(port)
  for (const problem of problems) errors.invalid(field, port, problem)
}
