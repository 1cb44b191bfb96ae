/**
 * Everything the SDK takes from the `experimental` namespace of grpc-js, which
 * promises no stability between minor versions: it changed in 1.13.0 and 1.14.0.
 * No other file may name it, so that a new minor version is one file to read.
 */
import * as grpcJs from '@grpc/grpc-js'
import { connectivityState, experimental, type Metadata, status } from '@grpc/grpc-js'
import { RosterError } from '../roster-error.ts'

export type ConfigSelector = experimental.ConfigSelector
export type CallConfig = ReturnType<experimental.ConfigSelector['invoke']>
export type ChannelControlHelper = experimental.ChannelControlHelper
export type GrpcEndpoint = experimental.Endpoint
export type GrpcUri = experimental.GrpcUri
export type Leaf = experimental.LeafLoadBalancer
export type LoadBalancer = experimental.LoadBalancer
export type LoadBalancingConfig = experimental.TypedLoadBalancingConfig
export type Picker = experimental.Picker
export type PickArgs = experimental.PickArgs
export type PickResult = experimental.PickResult
export type Resolver = experimental.Resolver
export type ResolverListener = experimental.ResolverListener
export type SecureConnector = experimental.SecureConnector
export type StatusOr<T> = experimental.StatusOr<T>
export type Subchannel = experimental.SubchannelInterface
type RealSubchannel = ReturnType<Subchannel['getRealSubchannel']>
/** Hears what an attempt at one endpoint is answered. */
export type AttemptListener = Parameters<RealSubchannel['createCall']>[3]
export type AttemptStatus = Parameters<AttemptListener['onReceiveStatus']>[0]
type AttemptCall = ReturnType<RealSubchannel['createCall']>

export const {
  CHANNEL_ARGS_CONFIG_SELECTOR_KEY,
  LeafLoadBalancer,
  PickResultType,
  SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX,
  UnavailablePicker,
  createChildChannelControlHelper,
  isLoadBalancerNameRegistered,
  registerLoadBalancerType,
  registerResolver,
  statusOrFromError,
  statusOrFromValue,
} = experimental

/** A copy of grpc-js, as `import * as grpc from '@grpc/grpc-js'` gives it. */
export interface GrpcModule {
  /** Where grpc-js keeps what extends it. */
  readonly experimental: object
}

/** The copy the SDK itself uses. */
export const ownGrpc: GrpcModule = grpcJs

/** What another copy has; its classes are not the same types, but the same in shape. */
export const partsOf = (grpc: GrpcModule) => grpc as typeof grpcJs
export const extensionsOf = (grpc: GrpcModule) => partsOf(grpc).experimental

/** Which grpc-js the SDK is written for. */
const SUPPORTED_GRPC_JS = '~1.14'

/** What 1.14 has and 1.13 or a changed later version has not, by name. */
const REQUIRED: Readonly<Record<string, (grpc: typeof grpcJs) => boolean>> = {
  'experimental.LeafLoadBalancer': ({ experimental: { LeafLoadBalancer } }) =>
    ['startConnecting', 'exitIdle', 'destroy'].every(
      (method) => typeof Reflect.get(LeafLoadBalancer.prototype, method) === 'function',
    ),
  'experimental.statusOrFromValue': ({ experimental: { statusOrFromError, statusOrFromValue } }) =>
    statusOrFromValue(1).ok && !statusOrFromError({ code: 14, details: '' }).ok,
  'experimental.CHANNEL_ARGS_CONFIG_SELECTOR_KEY': ({ experimental: theirs }) =>
    theirs.CHANNEL_ARGS_CONFIG_SELECTOR_KEY === CHANNEL_ARGS_CONFIG_SELECTOR_KEY &&
    typeof CHANNEL_ARGS_CONFIG_SELECTOR_KEY === 'string',
  'experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX': ({ experimental: theirs }) =>
    theirs.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX === SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX &&
    typeof SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX === 'string',
  'experimental.PickResultType.DROP': ({ experimental: theirs }) =>
    theirs.PickResultType.DROP === PickResultType.DROP && typeof PickResultType.DROP === 'number',
  'experimental.createChildChannelControlHelper': ({ experimental: theirs }) =>
    typeof theirs.createChildChannelControlHelper === 'function',
  'experimental.registerResolver': ({ experimental: theirs }) =>
    typeof theirs.registerResolver === 'function',
  'experimental.registerLoadBalancerType': ({ experimental: theirs }) =>
    typeof theirs.registerLoadBalancerType === 'function' &&
    typeof theirs.isLoadBalancerNameRegistered === 'function',
  'ChannelCredentials._createSecureConnector': ({ ChannelCredentials }) =>
    typeof Reflect.get(ChannelCredentials.createInsecure(), '_createSecureConnector') ===
    'function',
}

/**
 * Throws when the grpc-js found at run time is not one the SDK can extend, and
 * says what it lacks and which version has it; otherwise the first call would
 * fail in a way that names neither.
 */
export function probeGrpcJs(grpc: GrpcModule = ownGrpc): void {
  const parts = partsOf(grpc)
  const missing = Object.entries(REQUIRED).filter(([, present]) => !isTrue(() => present(parts)))
  if (missing.length === 0) return
  const names = missing.map(([name]) => name).join(', ')
  const which = grpc === ownGrpc ? 'this @grpc/grpc-js' : 'the @grpc/grpc-js given to connectRoster'
  throw new RosterError(
    'FAILED_PRECONDITION',
    `${which} lacks ${names}: install @grpc/grpc-js@${SUPPORTED_GRPC_JS}`,
  )
}

/**
 * Makes the attempt to connect that is under way fail, with the reason. Reaches for
 * private parts, because there is no other way to end an attempt; where a later
 * grpc-js has none of them, it does nothing.
 */
export function giveUpConnecting(subchannel: Subchannel, reason: string): void {
  const real: object = subchannel.getRealSubchannel()
  if (subchannel.getConnectivityState() !== connectivityState.CONNECTING) return
  const connector: unknown = Reflect.get(real, 'connector')
  const session: unknown = isObject(connector) ? Reflect.get(connector, 'session') : undefined
  if (isObject(session) && 'destroy' in session && typeof session.destroy === 'function') {
    session.destroy(new Error(reason))
    return
  }
  // Not that far yet: neither TCP nor TLS hands out what it waits for.
  const transition: unknown = Reflect.get(real, 'transitionToState')
  if (typeof transition !== 'function') return
  const { CONNECTING, TRANSIENT_FAILURE } = connectivityState
  transition.call(real, [CONNECTING], TRANSIENT_FAILURE, reason)
}

/** Hears an attempt in the place of the listener of grpc-js. */
export interface OwnListener extends AttemptListener {
  /** Set when the attempt has begun. */
  call: AttemptCall | undefined
}

/**
 * Sees an attempt before it is sent, may change its metadata, and says who hears its
 * answer; undefined: the listener of grpc-js itself.
 */
export type Listen = (
  method: string,
  metadata: Metadata,
  listener: AttemptListener,
) => OwnListener | undefined

/**
 * The subchannel for calls, each attempt of which is shown to `listen`. Good for being
 * picked, and for nothing else.
 */
export const heardSubchannel = (subchannel: Subchannel, listen: Listen): Subchannel =>
  new HeardSubchannel(subchannel, listen) as Partial<Subchannel> as Subchannel

class HeardSubchannel {
  readonly #subchannel: Subchannel
  readonly #real: Pick<RealSubchannel, 'createCall'>

  constructor(subchannel: Subchannel, listen: Listen) {
    const real = subchannel.getRealSubchannel()
    this.#subchannel = subchannel
    this.#real = {
      createCall: (metadata, host, method, listener, callId) => {
        const own = listen(method, metadata, listener)
        const call = real.createCall(metadata, host, method, own ?? listener, callId)
        if (own !== undefined) own.call = call
        return call
      },
    }
  }

  getRealSubchannel(): RealSubchannel {
    return this.#real as RealSubchannel
  }

  getConnectivityState(): connectivityState {
    return this.#subchannel.getConnectivityState()
  }

  getCallCredentials(): ReturnType<Subchannel['getCallCredentials']> {
    return this.#subchannel.getCallCredentials()
  }

  /** For the traces of grpc-js. */
  getChannelzRef(): ReturnType<Subchannel['getChannelzRef']> {
    return this.#subchannel.getChannelzRef()
  }

  /** For the traces of grpc-js. */
  getAddress(): string {
    return this.#subchannel.getAddress()
  }
}

/** Whether the request is sent to its end, as that of a unary call is at once. False where it cannot be told. */
export const isRequestSent = (call: AttemptCall | undefined): boolean =>
  (call as { http2Stream?: { writableEnded?: boolean } } | undefined)?.http2Stream
    ?.writableEnded === true

/** Whether the connection was lost before the end of the answer: there is a reset, or no status at all. */
export const isBrokenOff = ({ code, details, rstCode }: AttemptStatus): boolean =>
  code === status.UNAVAILABLE && (rstCode !== undefined || details === 'Connection dropped')

/**
 * The ports a grpc-js Server is bound to, each once; undefined for what is none, or
 * for one that keeps them elsewhere. Private, because there is no other way to ask.
 */
export function boundPortsOf(server: object): readonly number[] | undefined {
  const bound: unknown = Reflect.get(server, 'boundPorts')
  if (!(bound instanceof Map)) return undefined
  const ports = [...bound.values()].map((one) => isObject(one) && Reflect.get(one, 'portNumber'))
  return [...new Set(ports.filter((port) => typeof port === 'number' && port > 0))]
}

/**
 * First value of a request header, whose name is given in lower case. Reads the private
 * map where there is one: pickers ask every call for headers that hardly any has, and
 * `get` costs several times the lookup.
 */
export function headerOf(metadata: Metadata, name: string): string | undefined {
  const map = privateMapOf(metadata)
  const values = map === undefined ? metadata.get(name) : map.get(name)
  return values === undefined || values.length === 0 ? undefined : String(values[0])
}

/** Sets a request header whose name and value are known to be legal: `set` checks both anew. */
export function setHeaderOf(metadata: Metadata, name: string, value: string): void {
  const map = privateMapOf(metadata)
  if (map === undefined) metadata.set(name, value)
  else map.set(name, [value])
}

/** Removes a request header, whose name is given in lower case. */
export function removeHeaderOf(metadata: Metadata, name: string): void {
  const map = privateMapOf(metadata)
  if (map === undefined) metadata.remove(name)
  else map.delete(name)
}

/** Whether there are no request headers. False where it cannot be told. */
export const hasNoHeaders = (metadata: Metadata): boolean => privateMapOf(metadata)?.size === 0

const privateMapOf = (metadata: Metadata) =>
  (metadata as unknown as { readonly internalRepr?: Map<string, unknown[]> }).internalRepr

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function isTrue(present: () => boolean): boolean {
  try {
    return present()
  } catch {
    // Absent altogether; the caller lists it.
    return false
  }
}
