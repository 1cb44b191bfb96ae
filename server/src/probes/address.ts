import { isIPv6 } from 'node:net'
import type { Pod } from '../model/pod.ts'

/** Where to connect to. */
export interface Address {
  /** IP address or host name. */
  readonly host: string
  readonly port: number
}

/** `host:port`, as in a URL. */
export const printAddress = ({ host, port }: Address): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`

/** The first TCP port of a pod at its first address; undefined for a pod that lacks either. */
export function firstAddressOf({ spec, status }: Pod): Address | undefined {
  const [host] = status.podIPs
  const port = spec.ports.find(({ protocol }) => protocol === 'TCP')?.containerPort
  return host === undefined || port === undefined ? undefined : { host, port }
}
