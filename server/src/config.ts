import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { Command, InvalidArgumentError, Option } from 'commander'

/** Everything the registry can be told, checked. */
export interface Config {
  /** SQLite file, or ':memory:' for one that is forgotten. */
  readonly data: string
  /** `host:port` of the gRPC door; port 0 picks a free one. */
  readonly listen: string
  /** CIDRs that ClusterIPs come from: one, or one of each IP family, the default family first. */
  readonly clusterIPRanges: readonly string[]
  readonly nodePortRange: { readonly from: number; readonly to: number }
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
  readonly token?: string
  /** Listen beyond loopback with neither TLS nor token. Default false. */
  readonly insecure?: boolean
  /** Whether pods that register are connected to once, for their condition Reachable. */
  readonly dialBack: boolean
  /** A level of pino: trace, debug, info, warn, error, fatal or silent. */
  readonly logLevel: string
}

export const DEFAULT_CONFIG: Config = {
  data: './roster.db',
  listen: '127.0.0.1:7400',
  clusterIPRanges: ['127.96.0.0/16'],
  nodePortRange: { from: 30_000, to: 32_767 },
  dialBack: true,
  logLevel: 'info',
}

/** How long calls may take to finish when the registry stops, in milliseconds. */
export const STOP_GRACE_MS = 5_000

/** The flags of `roster serve`; `run` gets the checked configuration. */
export function serveCommand(run: (config: Config) => Promise<void>): Command {
  return new Command('serve')
    .description('Run the registry.')
    .option('--data <file>', 'SQLite file; :memory: keeps nothing', DEFAULT_CONFIG.data)
    .option(
      '--listen <host:port>',
      'address of the gRPC door',
      listenAddress,
      DEFAULT_CONFIG.listen,
    )
    .option(
      '--service-cluster-ip-range <cidr[,cidr]>',
      'addresses for ClusterIPs: one range, or one of each IP family, the default first',
      DEFAULT_CONFIG.clusterIPRanges.join(),
    )
    .option(
      '--service-node-port-range <from-to>',
      'ports for NodePorts',
      `${DEFAULT_CONFIG.nodePortRange.from}-${DEFAULT_CONFIG.nodePortRange.to}`,
    )
    .option('--tls-cert <file>', 'certificate chain (PEM) to serve TLS with; needs --tls-key')
    .option('--tls-key <file>', 'private key (PEM); needs --tls-cert')
    .addOption(
      new Option('--token <token>', 'token callers must send as a bearer').env('ROSTER_TOKEN'),
    )
    .option('--insecure', 'listen beyond loopback with neither TLS nor token')
    .option('--no-dial-back', 'do not try to connect to pods that register')
    .addOption(
      new Option('--log-level <level>', 'least level to log')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default(DEFAULT_CONFIG.logLevel)
        .env('ROSTER_LOG_LEVEL'),
    )
    .action(async (flags: Flags, command: Command) => {
      await run(configFrom(flags, (problem) => command.error(`error: ${problem}`, { exitCode: 2 })))
    })
}

interface Flags {
  readonly data: string
  readonly listen: string
  readonly serviceClusterIpRange: string
  readonly serviceNodePortRange: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly token?: string
  readonly insecure?: true
  readonly dialBack: boolean
  readonly logLevel: string
}

function configFrom(flags: Flags, fail: (problem: string) => never): Config {
  const { tlsCert, tlsKey, token, insecure } = flags
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    fail('--tls-cert and --tls-key go together: give both or neither')
  }
  if (token === '') fail('--token is empty: give one, or leave it out')
  const isOpen = tlsCert === undefined && token === undefined && insecure === undefined
  if (isOpen && !isLoopback(flags.listen)) {
    fail(
      `--listen ${flags.listen} is reachable by others: give --tls-cert and --tls-key, or --token, or say --insecure`,
    )
  }
  const [from, to] = flags.serviceNodePortRange.split('-').map(Number)
  if (!isPort(from) || !isPort(to) || from > to) {
    fail(`--service-node-port-range ${flags.serviceNodePortRange}: must be FROM-TO within 1-65535`)
  }
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file)
    } catch (error) {
      return fail(`cannot read ${file}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return {
    data: flags.data,
    listen: flags.listen,
    clusterIPRanges: flags.serviceClusterIpRange.split(','),
    nodePortRange: { from, to },
    dialBack: flags.dialBack,
    logLevel: flags.logLevel,
    ...(token !== undefined && { token }),
    ...(insecure !== undefined && { insecure }),
    ...(tlsCert !== undefined &&
      tlsKey !== undefined && { tls: { cert: read(tlsCert), key: read(tlsKey) } }),
  }
}

/** Throws when everybody could reach the registry and nobody said that this is meant. */
export function checkExposure({ listen, tls, token, insecure }: Config): void {
  if (tls !== undefined || token !== undefined || insecure === true || isLoopback(listen)) return
  throw new Error(
    `listen ${listen} is reachable by others: give tls or token, or say insecure: true`,
  )
}

const isPort = (value: number | undefined): value is number =>
  Number.isInteger(value) && value !== undefined && value > 0 && value < 65_536

function listenAddress(value: string): string {
  if (/^(\[[^\]]+\]|[^:]+):\d{1,5}$/.test(value)) return value
  throw new InvalidArgumentError('must be host:port, e.g. 127.0.0.1:7400 or [::1]:7400')
}

function isLoopback(listen: string): boolean {
  const host = listen.slice(0, listen.lastIndexOf(':')).replace(/^\[|\]$/g, '')
  if (host === 'localhost') return true
  const family = isIP(host)
  if (family === 0) return false
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  loopback.addAddress('::1', 'ipv6')
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}
