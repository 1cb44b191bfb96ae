import { isIP } from 'node:net'
import type { ChannelCredentials } from '@grpc/grpc-js'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { AgentOptions } from './agent.ts'
import { type HostPort, parseHostPort } from './dns/host-port.ts'
import { systemUpstreams } from './dns/upstreams.ts'
import {
  addLoadBalancerFlags,
  type LoadBalancerFlags,
  loadBalancerFrom,
} from './loadbalancer/flags.ts'
import { issuedBy, showing } from './registry-credentials.ts'

/** The flags of `roster agent`; `run` gets the checked configuration. */
export function agentCommand(run: (options: AgentOptions) => Promise<void>): Command {
  const command = new Command('agent')
    .description('Give programs of this node names and virtual IPs for the services of a registry.')
    .addOption(
      new Option('--registry <host:port>', 'registry to follow')
        .default('127.0.0.1:7400')
        .env('ROSTER_REGISTRY'),
    )
    .addOption(new Option('--token <token>', 'token the registry asks for').env('ROSTER_TOKEN'))
    .option('--ca <file>', 'certificate authority of the registry, PEM; makes the connection TLS')
    .addOption(
      new Option(
        '--registry-cert <file>',
        'certificate of the registry itself, PEM: trusted whatever host it is for',
      ).conflicts('ca'),
    )
    .option('--node <name>', 'node the agent runs on (default: the host name)')
    .option('--zone <zone>', 'zone of the node')
    .option(
      '--snapshot <file>',
      'keeps what is known across restarts; off: nothing is kept',
      './roster-agent.json',
    )
    .option('--dns-listen <host:port>', 'address of the DNS server; off: none', '127.0.0.1:10053')
    .option(
      '--dns-forward <host[:port],…>',
      'who answers for other names; none: they are refused (default: as in /etc/resolv.conf)',
    )
    .addOption(
      new Option('--proxy <engine>', 'carries the traffic of virtual IPs and node ports')
        .choices(['auto', 'nftables', 'userspace', 'off'])
        .default('auto', 'nftables where it can be used, else userspace'),
    )
    .addOption(
      new Option(
        '--masquerade <what>',
        'with nftables: connections that get the address of the node',
      )
        .choices(['needed', 'all'])
        .default('needed'),
    )
    .option(
      '--node-port-addresses <address,…>',
      'with userspace: where node ports are open',
      addresses,
      ['127.0.0.1'],
    )
    .option('--docker [socket]', 'register the containers of a Docker engine by their labels')
    .option('--docker-expose-by-default', 'register containers without label roster.enable too')
    .option('--cluster-domain <domain>', 'domain of the names', 'cluster.local')
    .option('--dns-ttl <seconds>', 'how long answers may be kept, 0 to 3600', seconds, 5)
    .addOption(
      new Option('--dns-pods <mode>', 'names of pods by address, 10-0-0-1.NAMESPACE.pod.DOMAIN')
        .choices(['disabled', 'verified'])
        .default('disabled'),
    )
    .option(
      '--service-cluster-ip-range <cidr[,cidr]>',
      'addresses of ClusterIPs, as at the registry: nobody else is asked for their names',
      '127.96.0.0/16',
    )
    .addOption(
      new Option('--log-level <level>', 'least level to log')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .env('ROSTER_LOG_LEVEL'),
    )
    .action(async (flags: Flags, command: Command) => {
      await run(optionsFrom(flags, (text) => command.error(`error: ${text}`, { exitCode: 2 })))
    })
  return addLoadBalancerFlags(command)
}

interface Flags extends LoadBalancerFlags {
  readonly registry: string
  readonly token?: string
  readonly ca?: string
  readonly registryCert?: string
  readonly node?: string
  readonly zone?: string
  readonly snapshot: string
  readonly dnsListen: string
  readonly dnsForward?: string
  readonly proxy: 'auto' | 'nftables' | 'userspace' | 'off'
  readonly masquerade: 'needed' | 'all'
  readonly nodePortAddresses: readonly string[]
  readonly docker?: string | true
  readonly dockerExposeByDefault?: true
  readonly clusterDomain: string
  readonly dnsTtl: number
  readonly dnsPods: 'disabled' | 'verified'
  readonly serviceClusterIpRange: string
  readonly logLevel: string
}

type Fail = (problem: string) => never

function optionsFrom(flags: Flags, fail: Fail): AgentOptions {
  const { registry, token, node, zone, snapshot, logLevel } = flags
  const credentials = credentialsFrom(flags, fail)
  const serviceRanges = flags.serviceClusterIpRange.split(',').map((range) => cidr(range, fail))
  const dns = flags.dnsListen === 'off' ? undefined : dnsFrom(flags, serviceRanges, fail)
  const loadBalancer = loadBalancerFrom(flags, fail)
  const { proxy: engine, masquerade, nodePortAddresses } = flags
  return {
    registry,
    logLevel,
    ...(token !== undefined && { token }),
    ...(credentials && { credentials }),
    ...(node !== undefined && { node }),
    ...(zone !== undefined && { zone }),
    ...(snapshot !== 'off' && { snapshotFile: snapshot }),
    ...(dns && { dns }),
    ...(engine !== 'off' && { proxy: { engine, serviceRanges, masquerade, nodePortAddresses } }),
    ...(loadBalancer && { loadBalancer }),
    ...(flags.docker !== undefined && { docker: dockerFrom(flags, fail) }),
  }
}

const DOCKER_SOCKET = '/var/run/docker.sock'

function dockerFrom(flags: Flags, fail: Fail): NonNullable<AgentOptions['docker']> {
  const socket = flags.docker === true ? DOCKER_SOCKET : (flags.docker ?? '')
  const socketPath = socket.replace(/^unix:\/\//, '')
  if (!socketPath.startsWith('/')) {
    fail(`--docker ${socket}: must be the path of a Unix socket, e.g. ${DOCKER_SOCKET}`)
  }
  return { socketPath, exposedByDefault: flags.dockerExposeByDefault ?? false }
}

function dnsFrom(
  flags: Flags,
  reverseZones: readonly string[],
  fail: Fail,
): NonNullable<AgentOptions['dns']> {
  const listen = parseHostPort(flags.dnsListen)
  if (!listen) fail(`--dns-listen ${flags.dnsListen}: must be ADDRESS:PORT, or off`)
  if (!/^(?=.{1,200}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i.test(flags.clusterDomain)) {
    fail(`--cluster-domain ${flags.clusterDomain}: must be a domain name, e.g. cluster.local`)
  }
  return {
    listen,
    forward: upstreamsFrom(flags.dnsForward, listen, fail),
    clusterDomain: flags.clusterDomain,
    ttlSeconds: flags.dnsTtl,
    podNames: flags.dnsPods,
    reverseZones,
  }
}

function upstreamsFrom(flag: string | undefined, listen: HostPort, fail: Fail): HostPort[] {
  if (flag === undefined) return systemUpstreams(listen)
  if (flag === 'none') return []
  return flag.split(',').map((text) => {
    const upstream = parseHostPort(text, 53)
    return upstream ?? fail(`--dns-forward ${text}: must be addresses, ADDRESS[:PORT], or none`)
  })
}

function cidr(text: string, fail: Fail): string {
  const [address = '', length = ''] = text.split('/')
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  if (/^\d{1,3}$/.test(length) && Number(length) <= bits) return text
  return fail(`--service-cluster-ip-range ${text}: must be a network, e.g. 127.96.0.0/16`)
}

function credentialsFrom({ ca, registryCert }: Flags, fail: Fail): ChannelCredentials | undefined {
  try {
    if (registryCert !== undefined) return showing(registryCert)
    return ca === undefined ? undefined : issuedBy(ca)
  } catch (error) {
    const flag = ca === undefined ? `--registry-cert ${registryCert}` : `--ca ${ca}`
    return fail(`${flag}: ${error instanceof Error ? error.message : error}`)
  }
}

function addresses(text: string): readonly string[] {
  const list = text.split(',')
  if (list.every((address) => isIP(address) !== 0)) return list
  throw new InvalidArgumentError('must be IP addresses with commas between')
}

function seconds(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= 3_600) return Number(text)
  throw new InvalidArgumentError('must be 0 to 3600')
}
