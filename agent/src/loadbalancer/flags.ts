import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { HaproxyOptions } from './haproxy/haproxy-provider.ts'
import type { LoadBalancerOptions } from './load-balancer.ts'
import { AddressPool } from './pool/address-pool.ts'

/** What the flags of load balancing are parsed to. */
export interface LoadBalancerFlags {
  readonly loadBalancer?: true
  readonly lbDefault: LoadBalancerOptions['defaultProvider']
  readonly lbPool: string
  readonly lbInterface?: string
  readonly haproxyBind?: string
  readonly haproxyClass: string
  readonly haproxyConfig: string
  readonly haproxyMasterSocket?: string
  readonly haproxyCheck?: true
}

/** Adds the flags of load balancing to a command. */
export function addLoadBalancerFlags(command: Command): Command {
  return command
    .option('--load-balancer', 'give services of type LoadBalancer a way in, and write it down')
    .addOption(
      new Option('--lb-default <provider>', 'takes services without spec.loadBalancerClass')
        .choices(['pool', 'haproxy', 'none'])
        .default('pool'),
    )
    .option(
      '--lb-pool <cidr|first-last,…>',
      'addresses to give out, class roster.dev/pool; off: none',
      '127.97.0.0/16',
    )
    .option('--lb-interface <device>', 'holds the addresses given out; needs CAP_NET_ADMIN')
    .option(
      '--haproxy-bind <address,…|node>',
      'balance by HAProxy, at these addresses; node: the first of this machine',
    )
    .option(
      '--haproxy-class <class>',
      'spec.loadBalancerClass of services for HAProxy',
      'roster.dev/haproxy',
    )
    .option('--haproxy-config <file>', 'configuration to write', './roster-haproxy.cfg')
    .option(
      '--haproxy-master-socket <file>',
      'master socket (-S) of an HAProxy that is started elsewhere (default: roster starts one)',
    )
    .option('--haproxy-check', 'HAProxy checks that endpoints accept connections')
}

/** The options the flags stand for; undefined when load balancing is off. `fail` ends the parsing. */
export function loadBalancerFrom(
  flags: LoadBalancerFlags,
  fail: (problem: string) => never,
): LoadBalancerOptions | undefined {
  const { lbInterface, haproxyBind, lbDefault } = flags
  if (!flags.loadBalancer) {
    if (lbInterface !== undefined) fail('--lb-interface: needs --load-balancer')
    if (haproxyBind !== undefined) fail('--haproxy-bind: needs --load-balancer')
    return undefined
  }
  const haproxy = haproxyBind === undefined ? undefined : haproxyFrom(flags, haproxyBind, fail)
  if (lbDefault === 'haproxy' && !haproxy) fail('--lb-default haproxy: needs --haproxy-bind')
  return {
    defaultProvider: lbDefault,
    ...(flags.lbPool !== 'off' && { pool: poolFrom(flags.lbPool, fail) }),
    ...(lbInterface !== undefined && { poolInterface: lbInterface }),
    ...(haproxy && { haproxy }),
  }
}

function poolFrom(text: string, fail: (problem: string) => never): string {
  try {
    return new AddressPool(text).toString()
  } catch (error) {
    return fail(`--lb-pool: ${error instanceof Error ? error.message : error}`)
  }
}

function haproxyFrom(
  flags: LoadBalancerFlags,
  bind: string,
  fail: (problem: string) => never,
): HaproxyOptions {
  const binds = bind === 'node' ? nodeAddresses() : bind.split(',').map((part) => part.trim())
  const wrong = binds.find((address) => isIP(address) === 0 || /^[0:.]+$/.test(address))
  if (binds.length === 0) fail('--haproxy-bind node: this machine has loopback addresses only')
  if (wrong !== undefined) {
    fail(`--haproxy-bind ${wrong}: must be addresses that callers can use, or node`)
  }
  const { haproxyMasterSocket: masterSocket } = flags
  return {
    loadBalancerClass: flags.haproxyClass,
    binds,
    config: resolve(flags.haproxyConfig),
    ...(masterSocket !== undefined && { masterSocket: resolve(masterSocket) }),
    hasChecks: flags.haproxyCheck === true,
  }
}

/** The first IPv4 address of this machine that is not its loopback. */
function nodeAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const first = all.find(({ family, internal }) => family === 'IPv4' && !internal)
  return first ? [first.address] : []
}
