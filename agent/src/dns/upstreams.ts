import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { HostPort } from './host-port.ts'

const PORT = 53
const ANY = new Set(['0.0.0.0', '::'])

/** The name servers this machine uses (resolv.conf(5)), the DNS server at `listen` left out. */
export function systemUpstreams(listen: HostPort, file = '/etc/resolv.conf'): HostPort[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // A machine without it has nobody to ask.
    return []
  }
  return upstreamsIn(text).filter((upstream) => !isOurs(upstream, listen))
}

/** The `nameserver` lines of a resolv.conf. */
export function upstreamsIn(text: string): HostPort[] {
  return text.split('\n').flatMap((line) => {
    const [, host = ''] = /^\s*nameserver\s+(\S+)/.exec(line) ?? []
    return isIP(host.replace(/%.*$/, '')) === 0 ? [] : [{ host, port: PORT }]
  })
}

function isOurs(upstream: HostPort, listen: HostPort): boolean {
  if (upstream.port !== listen.port) return false
  if (!ANY.has(listen.host)) return upstream.host === listen.host
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return upstream.host.startsWith('127.') || own.some(({ address }) => address === upstream.host)
}
