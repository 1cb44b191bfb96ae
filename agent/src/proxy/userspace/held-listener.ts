import { readFileSync } from 'node:fs'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'

/**
 * A TCP socket that is bound and that this process never accepts from. Whoever it is
 * handed to listens with it. While one process holds it, the kernel goes on taking
 * connections into its backlog, whatever becomes of the others.
 *
 * It is what node:cluster gives its workers; cluster itself closes it with the last
 * worker, and a killed worker would leave callers refused.
 */
export interface HeldListener {
  close(): void
}

/** A held listener as the process sees it that was started with it. */
export interface InheritedListener {
  readonly inheritedFd: number
}

/** What `net` keeps for node:cluster: a handle, or a negative error number. */
type CreateServerHandle = (
  address: string,
  port: number,
  family: 4 | 6,
  fd: -1,
  flags: number,
) => (HeldListener & { getsockname(out: object): number }) | number

/** uv_tcp_flags: without it `::` would take the IPv4 port too. */
const UV_TCP_IPV6ONLY = 1

const LOW_PORTS_FILE = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
const FIRST_UNPRIVILEGED_PORT = 1024

/**
 * Binds an address. Errors: the system's error code, such as EADDRINUSE, EACCES or
 * EADDRNOTAVAIL, as a string.
 */
export function holdListener(address: string, port: number): HeldListener | string {
  const { _createServerHandle: create } = net as unknown as {
    readonly _createServerHandle: CreateServerHandle
  }
  const isIPv6 = address.includes(':')
  const held = create(address, port, isIPv6 ? 6 : 4, -1, isIPv6 ? UV_TCP_IPV6ONLY : 0)
  if (typeof held === 'number') return getSystemErrorName(held)
  // libuv keeps EADDRINUSE back until the socket is used.
  const error = held.getsockname({})
  if (error === 0) return held
  held.close()
  return getSystemErrorName(error)
}

/** The lowest port this process may bind: 1 with CAP_NET_BIND_SERVICE, else the system's setting. */
export function firstBindablePort(): number {
  const held = holdListener('127.0.0.1', 1)
  if (typeof held !== 'string') held.close()
  // The kernel asks for the right first, and whether the port is free afterwards.
  if (held !== 'EACCES') return 1
  try {
    return Number(readFileSync(LOW_PORTS_FILE, 'utf8'))
  } catch {
    return FIRST_UNPRIVILEGED_PORT
  }
}
