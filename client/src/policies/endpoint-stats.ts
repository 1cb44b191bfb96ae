import { connectivityState } from '@grpc/grpc-js'
import type { Child } from './child.ts'

/** What a channel knows of one endpoint of its service. */
export interface EndpointStats {
  /** Identity in the set: the pod's name and uid, or the address of a hand-written endpoint. */
  readonly id: string
  /** Name of the pod; empty for hand-written endpoints. */
  readonly pod: string
  /** `host:port`, one per IP family. */
  readonly addresses: readonly string[]
  /** Zone it is in; empty: not known. */
  readonly zone: string
  /** Of the connection: READY, CONNECTING, TRANSIENT_FAILURE or IDLE. */
  readonly state: string
  /** New calls may go to it: it is connected and not ejected, or all are used. */
  readonly ready: boolean
  /** Calls under way. */
  readonly inFlight: number
  /** Expected latency in milliseconds; undefined unless peak_ewma has measured it. */
  readonly ewmaMs: number | undefined
  /** How often it was picked. A pick need not become a call. */
  readonly picks: number
  /** Calls that it answered, with whatever status speaks of the request only. */
  readonly successes: number
  /** Calls that ended in a failure of the endpoint. Cancelled ones are neither. */
  readonly failures: number
  /** It gets no calls until then, because too many failed; undefined: not so. */
  readonly ejectedUntil: Date | undefined
  /** Share of the calls against the other endpoints, after slow start. */
  readonly weight: number
  /** Why the last attempt to connect failed, if one did. */
  readonly lastError: string | undefined
}

/** The figures of a balancer's child, and what only the balancer knows of it. */
export function statsOfChild(
  child: Child,
  known: {
    /** It is in the picker. */
    readonly isPicked: boolean
    /** How much of its weight counts. */
    readonly share: number
    /** End of its ejection, by the monotonic clock. */
    readonly ejectedUntilMs: number | undefined
  },
): EndpointStats {
  const { endpoint, load, addresses, state, lastError } = child
  const { isPicked, share, ejectedUntilMs } = known
  const now = performance.now()
  return {
    id: endpoint.id,
    pod: endpoint.pod,
    addresses: addresses.map((address) =>
      'port' in address ? hostAndPort(address.host, address.port) : address.path,
    ),
    zone: endpoint.zone,
    state: connectivityState[state],
    ready: isPicked,
    inFlight: load.inFlight,
    ewmaMs: load.ewmaMs(now),
    picks: load.picks,
    successes: load.successes,
    failures: load.failures,
    ejectedUntil:
      ejectedUntilMs === undefined ? undefined : new Date(Date.now() + ejectedUntilMs - now),
    weight: endpoint.weight * share,
    lastError,
  }
}

const hostAndPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** One line on why calls do or do not go to the endpoint. */
export function explainEndpoint(stats: EndpointStats): string {
  const { id, addresses, picks, inFlight, ewmaMs, successes, failures, weight } = stats
  const latency = ewmaMs === undefined ? '' : `, expected latency ${ewmaMs.toFixed(1)} ms`
  const figures = `weight ${Math.round(weight * 10) / 10}, ${inFlight} in flight${latency}, ${picks} picks, ${successes} ok, ${failures} failed`
  return `${id} (${addresses.join(', ')}): ${verdictOn(stats)}; ${figures}`
}

function verdictOn({ state, ready, ejectedUntil, lastError }: EndpointStats): string {
  if (state !== 'READY') {
    return `not picked, no connection (${state})${lastError === undefined ? '' : `: ${lastError}`}`
  }
  if (ejectedUntil === undefined) return 'may be picked'
  const ejected = `ejected until ${ejectedUntil.toISOString()}`
  return ready ? `may be picked, though ${ejected}: too many are` : `not picked, ${ejected}`
}
