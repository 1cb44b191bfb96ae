import { randomUUID } from 'node:crypto'
import { hostname as machineName, constants as osConstants } from 'node:os'
import type { ContainerPort, PodSpec } from '@roster/proto'
import { type Check, type Checks, checkFields, isObject, must, object } from './argument-checks.ts'
import { notIdempotentMethods, type ServiceDescription } from './not-idempotent.ts'
import type { ReadinessCheck } from './readiness-poll.ts'
import { MAX_TIMER_MS } from './retry.ts'
import { RosterError } from './roster-error.ts'
import { boundPortOf } from './server-port.ts'
import type { DrainableServer } from './server-shutdown.ts'
import type { AfterSignal } from './signal-drain.ts'

/** A pod of this process, and how it leaves. */
export interface RegisterOptions {
  /** Namespace. Default "default". */
  readonly namespace?: string
  /** Name, unique in the namespace. Default: the host name and a random part. */
  readonly name?: string
  /** Labels, by which services select it. */
  readonly labels?: Readonly<Record<string, string>>
  /** Annotations: what people and tools note of it. Default none. */
  readonly annotations?: Readonly<Record<string, string>>
  /**
   * Ports it listens at, e.g. `[{ name: 'grpc', containerPort: 50051 }]`. Default:
   * the port its first server is bound to, named `grpc`; a grpc-js Server tells it,
   * a nice-grpc one does not.
   */
  readonly ports?: readonly ContainerPort[]
  /** Addresses others reach it at. Default: this machine's own toward the registry. */
  readonly addresses?: readonly string[]
  /** Default: that of the connection. */
  readonly node?: string
  /** Default: that of the connection. */
  readonly zone?: string
  /** Host name in its DNS name (core/v1 PodSpec). Default none. */
  readonly hostname?: string
  /** Headless service its DNS name is below (core/v1 PodSpec). Default none. */
  readonly subdomain?: string
  /** Share of the calls against the other pods, 0 to 10,000. Default 100. */
  readonly weight?: number
  /** Whether it can serve from the start. Default true; else see setReady. */
  readonly ready?: boolean
  /**
   * Asked at once and then over and over whether the pod can serve; until it has
   * said so the pod is not ready. A failure and a late answer are a no; one that hangs
   * is asked anew. With setReady, both must agree.
   */
  readonly readiness?: ReadinessCheck
  /**
   * Between the answer to one readiness check, or its timeout, and the next, in
   * milliseconds. Default 5,000; longer while checks hang.
   */
  readonly readinessPeriodMs?: number
  /** How long a readiness check may take, in milliseconds. Default 1,000. */
  readonly readinessTimeoutMs?: number
  /** How the registry itself finds out whether the pod can serve (core/v1 Probe). Default: it does not. */
  readonly readinessProbe?: NonNullable<PodSpec['readinessProbe']>
  /**
   * Definitions of the services it serves, from proto-loader, nice-grpc or ts-proto.
   * They have a health each, and their methods without the option
   * `idempotency_level` count among notIdempotentMethods.
   */
  readonly services?: readonly ServiceDescription[]
  /**
   * Methods that callers must not try again once they may have run, as
   * `package.Service/Method` or `package.Service/*`. Default: those `services` tell of.
   */
  readonly notIdempotentMethods?: readonly string[]
  /** Servers that drain() shuts down, unless another pod has them too. */
  readonly servers?: readonly DrainableServer[]
  /** How long drain() waits for what. */
  readonly drain?: DrainOptions
  /** Signals upon which to drain; a second one ends the process at once. Default none. */
  readonly signals?: readonly NodeJS.Signals[]
  /**
   * How the process ends after a drain that a signal began: `exit` with code 0 (or
   * process.exitCode), since a planned stop is no failure, or `raise` the signal for
   * its usual effect. Neither while others listen to the signal. Default `exit`.
   */
  readonly afterSignal?: AfterSignal
}

/**
 * How a pod leaves. Whoever stops the process has to give it the first and the last
 * of these times together: `docker stop` gives 10 s unless told otherwise.
 */
export interface DrainOptions {
  /** How long to wait until all callers have acknowledged, in milliseconds. Default 5,000. */
  readonly ackTimeoutMs?: number
  /**
   * How long to wait instead, where the registry cannot be asked who has
   * acknowledged, in milliseconds. Default 200.
   */
  readonly propagateMs?: number
  /** How long calls under way may take, in milliseconds. Default 25,000. */
  readonly graceMs?: number
}

const isNumber = (value: unknown, min: number, max: number): boolean =>
  typeof value === 'number' && value >= min && value <= max

const isWhole = (value: unknown, min: number, max: number): boolean =>
  Number.isInteger(value) && isNumber(value, min, max)

const has = (value: unknown, method: string): boolean =>
  isObject(value) && typeof Reflect.get(value, method) === 'function'

const isText = (value: unknown): boolean => typeof value === 'string'
const text = must(isText, 'a string')
const texts = must(
  (value) => isObject(value) && Object.values(value).every(isText),
  'an object of strings',
)
const milliseconds = (min: number): Check =>
  must(
    (value) => isNumber(value, min, MAX_TIMER_MS),
    `a number of milliseconds from ${min} to ${MAX_TIMER_MS}`,
  )

const listOf =
  (check: Check): Check =>
  (value, path) => {
    must(Array.isArray, 'a list')(value, path)
    for (const [i, item] of Object.entries(Object(value))) check(item, `${path}[${i}]`)
  }

const CATCHABLE: ReadonlySet<unknown> = new Set(
  Object.keys(osConstants.signals).filter((name) => name !== 'SIGKILL' && name !== 'SIGSTOP'),
)

const DRAIN_CHECKS: Checks<DrainOptions> = {
  ackTimeoutMs: milliseconds(0),
  propagateMs: milliseconds(0),
  graceMs: milliseconds(0),
}

const CHECKS: Checks<RegisterOptions> = {
  namespace: text,
  name: text,
  labels: texts,
  annotations: texts,
  ports: listOf(
    must(
      (port) => isObject(port) && isWhole(Reflect.get(port, 'containerPort'), 1, 65_535),
      "an object as { name: 'grpc', containerPort: 50051 }",
    ),
  ),
  addresses: listOf(text),
  node: text,
  zone: text,
  hostname: text,
  subdomain: text,
  weight: must((value) => isWhole(value, 0, 10_000), 'a whole number from 0 to 10000'),
  ready: must((value) => typeof value === 'boolean', 'true or false'),
  readiness: must((value) => typeof value === 'function', 'a function'),
  readinessPeriodMs: milliseconds(1),
  readinessTimeoutMs: milliseconds(1),
  readinessProbe: object,
  services: listOf(object),
  notIdempotentMethods: listOf(text),
  servers: listOf(
    must(
      (server) =>
        has(server, 'forceShutdown') && (has(server, 'tryShutdown') || has(server, 'shutdown')),
      'a server of grpc-js or nice-grpc',
    ),
  ),
  drain: (value, path) => {
    object(value, path)
    checkFields<DrainOptions>(Object(value), DRAIN_CHECKS, `${path}.`)
  },
  signals: listOf(
    must((name) => CATCHABLE.has(name), 'the name of a signal that can be caught, as SIGTERM'),
  ),
  afterSignal: must((value) => value === 'exit' || value === 'raise', "'exit' or 'raise'"),
}

/** Throws INVALID for the first option that is wrong, saying which, and how it must be. */
export function checkRegisterOptions(options: RegisterOptions): void {
  object(options, 'options')
  checkFields(options, CHECKS, '')
}

/** What the options say the pod is. Throws FAILED_PRECONDITION when its ports cannot be known. */
export function podSpecOf(options: RegisterOptions): PodSpec {
  const { weight, readinessProbe, services = [] } = options
  const { node = '', zone = '', hostname = '', subdomain = '' } = options
  const unsafe = new Set([
    ...notIdempotentMethods(services),
    ...(options.notIdempotentMethods ?? []),
  ])
  return {
    ports: [...(options.ports ?? [{ name: 'grpc', containerPort: firstPortOf(options) }])],
    nodeName: node,
    zone,
    hostname,
    subdomain,
    notIdempotentMethods: [...unsafe],
    ...(weight !== undefined && { weight }),
    ...(readinessProbe && { readinessProbe }),
  }
}

function firstPortOf({ servers = [] }: RegisterOptions): number {
  const [server] = servers
  if (server) return boundPortOf(server)
  throw new RosterError('FAILED_PRECONDITION', 'a pod needs ports: give ports, or a bound server')
}

/** A DNS-1123 name: the host's first label, cut so that the whole is at most 63 characters. */
export function defaultPodName(): string {
  const label = machineName().split('.')[0] ?? ''
  const host = label
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replaceAll(/^-+/g, '')
    .slice(0, 50)
  return `${host || 'pod'}-${randomUUID().slice(0, 8)}`
}
