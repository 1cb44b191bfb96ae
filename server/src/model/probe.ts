/** How the registry finds out whether a pod can serve: exactly one way of asking (core/v1 Probe). */
export interface Probe {
  readonly httpGet?: HTTPGetAction
  readonly tcpSocket?: TCPSocketAction
  readonly grpc?: GRPCAction
  /** Before the first probe. */
  readonly initialDelaySeconds: number
  /** An answer that takes longer is a failure. */
  readonly timeoutSeconds: number
  readonly periodSeconds: number
  /** Successes in a row that make a pod ready. */
  readonly successThreshold: number
  /** Failures in a row that make a pod not ready. */
  readonly failureThreshold: number
}

export interface HTTPGetAction {
  readonly path: string
  /** Number, or name of a port of the pod. */
  readonly port: number | string
  /** '' for the pod's own address. */
  readonly host: string
  readonly scheme: ProbeScheme
  readonly httpHeaders: readonly HTTPHeader[]
}

export interface HTTPHeader {
  readonly name: string
  readonly value: string
}

export interface TCPSocketAction {
  /** Number, or name of a port of the pod. */
  readonly port: number | string
  /** '' for the pod's own address. */
  readonly host: string
}

export interface GRPCAction {
  readonly port: number
  /** '' for the server as a whole. */
  readonly service: string
}

export const PROBE_SCHEMES = ['HTTP', 'HTTPS'] as const
export type ProbeScheme = (typeof PROBE_SCHEMES)[number]

/** What a probe has who says nothing else (Kubernetes SetDefaults_Probe), in seconds and counts. */
export const PROBE_DEFAULTS = {
  initialDelaySeconds: 0,
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
} as const

/** Whether two probes ask the same in the same way. Admission writes equal probes as equal JSON. */
export const sameProbe = (a: Probe, b: Probe): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b)
