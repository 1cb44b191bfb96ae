import { isIP } from 'node:net'

/** An IP address and a port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** Reads `1.2.3.4:53` or `[::1]:53`; without port only where there is a default. */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  if (defaultPort !== undefined && isIP(text) !== 0) return { host: text, port: defaultPort }
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  const port = digits === undefined ? defaultPort : Number(digits)
  if (isIP(host) === 0 || port === undefined || port > 65_535) return undefined
  return { host, port }
}

/** `1.2.3.4:53`, `[::1]:53`. */
export const printHostPort = ({ host, port }: HostPort): string =>
  `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
