import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { Listener, Server } from './plan.ts'

export interface ConfigOptions {
  /** Where the runtime socket is to be; absent: the global section is somebody else's. */
  readonly socket?: string
  /** Whether HAProxy checks that servers accept connections. */
  readonly hasChecks: boolean
}

/** A configuration of HAProxy, and a digest of all of it but the servers. */
export interface Config {
  readonly text: string
  readonly shape: string
}

const SHAPE_PREFIX = 'roster.shape.'
/** HAProxy takes 64 words on a line. */
const RANGES_PER_LINE = 50
/** Clients a table of session affinity has room for; the oldest goes first. */
const TABLE_SIZE = '100k'

/**
 * The configuration HAProxy is to have. An empty backend carries the digest in its
 * name, so that a running HAProxy can be asked which configuration it has: what
 * differs in servers only can be mended without a reload.
 */
export function configOf(listeners: readonly Listener[], options: ConfigOptions): Config {
  const render = (shape: string, servers: (listener: Listener) => readonly string[]) =>
    [
      '# Written by roster. Changes made here are lost.',
      ...globalSection(options.socket),
      ...DEFAULTS,
      `backend ${SHAPE_PREFIX}${shape} from roster`,
      ...listeners.flatMap((one) => [...listenSection(one), ...servers(one)]),
      '',
    ].join('\n')
  const shape = createHash('sha256')
    .update(render(String(options.hasChecks), () => []))
    .digest('hex')
    .slice(0, 16)
  const text = render(shape, ({ servers }) =>
    servers.map((server) => `  server ${server.name} ${serverWords(server, options.hasChecks)}`),
  )
  return { text, shape }
}

/** The digest among the names of backends. */
export function shapeIn(names: readonly string[]): string | undefined {
  const name = names.find((one) => one.startsWith(SHAPE_PREFIX))
  return name?.slice(SHAPE_PREFIX.length)
}

/** What follows the name of a server, in the file and in `add server` alike. */
export function serverWords({ address, port, weight }: Server, hasChecks: boolean): string {
  return `${hostPort(address, port)} weight ${weight}${hasChecks ? ' check inter 2s' : ''}`
}

const hostPort = (address: string, port: number): string =>
  `${isIP(address) === 6 ? `[${address}]` : address}:${port}`

function globalSection(socket: string | undefined): readonly string[] {
  if (socket === undefined) return []
  return [
    'global',
    // expose-fd: a new worker takes over the open listeners, and nobody is refused.
    `  stats socket ${quoted(socket)} mode 600 level admin expose-fd listeners`,
    // An old worker goes on with the connections it has, but not for ever.
    '  hard-stop-after 1h',
  ]
}

/** An hour of silence, as long as gRPC streams may be; keepalive finds the dead sooner. */
const DEFAULTS: readonly string[] = [
  'defaults roster',
  '  mode tcp',
  '  timeout connect 2s',
  '  timeout client 1h',
  '  timeout server 1h',
  '  timeout queue 5s',
  '  option clitcpka',
  '  option srvtcpka',
  // A server that does not answer is tried no second time: the next one is.
  '  option redispatch 1',
  '  retries 3',
]

function listenSection(listener: Listener): readonly string[] {
  const { name, address, port, sourceRanges, affinityTimeoutS } = listener
  const lines = [`listen ${name} from roster`, `  bind ${hostPort(address, port)}`]
  for (let i = 0; i < sourceRanges.length; i += RANGES_PER_LINE) {
    lines.push(`  acl allowed src ${sourceRanges.slice(i, i + RANGES_PER_LINE).join(' ')}`)
  }
  if (sourceRanges.length > 0) lines.push('  tcp-request connection reject unless allowed')
  if (affinityTimeoutS === undefined) return [...lines, '  balance roundrobin']
  return [
    ...lines,
    // The table is lost with a reload; by hash most clients find their servers again.
    '  balance source',
    '  hash-type consistent',
    `  stick-table type ipv6 size ${TABLE_SIZE} expire ${affinityTimeoutS}s`,
    '  stick on src',
  ]
}

const quoted = (path: string): string => `"${path.replace(/(["\\$])/g, '\\$1')}"`
