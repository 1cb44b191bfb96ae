import { isIPv4, isIPv6 } from 'node:net'
import { contains, ipProblems, parseCidr, parseIp } from './ip.ts'
import type { IPFamily } from './service.ts'

/**
 * What is wrong with an address of a pod, [] when nothing is. Nothing can be sent
 * to an unspecified or a multicast address; loopback is fine, because everything
 * may run on one machine.
 */
export const podAddressProblems = (address: string): string[] => {
  if (isOrdinary(address)) return []
  const problems = ipProblems(address)
  if (problems.length > 0) return problems
  if (isWithin(UNSPECIFIED, address)) return [`may not be unspecified (${address})`]
  if (isWithin(MULTICAST, address)) {
    return ['may not be in the multicast range (224.0.0.0/4, ff00::/8)']
  }
  return []
}

/**
 * What is wrong with an address of a hand-written endpoint, [] when nothing is:
 * core/v1 ValidateNonSpecialIP, but for loopback.
 */
export const sliceAddressProblems = (address: string, family: IPFamily): string[] => {
  if (parseIp(address)?.family !== family) return [`must be a valid ${family} address`]
  if (isWithin(LINK_LOCAL, address)) {
    return ['may not be in the link-local range (169.254.0.0/16, fe80::/10)']
  }
  return podAddressProblems(address)
}

const UNSPECIFIED = ['0.0.0.0/32', '::/128'].map(parseCidr)
const LINK_LOCAL = ['169.254.0.0/16', 'fe80::/10'].map(parseCidr)
const MULTICAST = ['224.0.0.0/4', 'ff00::/8'].map(parseCidr)

const isWithin = (networks: typeof MULTICAST, address: string): boolean => {
  const ip = parseIp(address)
  return ip !== undefined && networks.some((n) => n !== undefined && contains(n, ip))
}

/** How global (2000::/3) and unique local (fc00::/7) addresses start. */
const UNICAST_START = /^(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}):/i

/** Whether it is plainly a unicast address: what nearly all pods have, told without arithmetic. */
const isOrdinary = (address: string): boolean => {
  if (!isIPv4(address)) {
    return UNICAST_START.test(address) && isIPv6(address) && !address.includes('%')
  }
  const firstOctet = Number.parseInt(address, 10)
  return firstOctet > 0 && firstOctet < 224
}
