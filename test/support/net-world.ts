import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PEER = fileURLToPath(new URL('net-peer.mjs', import.meta.url))
const AGENT = fileURLToPath(new URL('nftables-agent.mjs', import.meta.url))
const SIGTERM_EXIT_MS = 5_000

process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** A network namespace of its own; rootless by a user namespace of its own too. */
const UNSHARE = process.getuid?.() === 0 ? ['-n'] : ['-Urn']

/** Why network worlds cannot be made here; undefined: they can. */
export const whyNoNetWorld = (): string | undefined => {
  try {
    execFileSync('unshare', [...UNSHARE, 'sh', '-c', 'ip link && nft list tables && conntrack -V'])
    return undefined
  } catch (error) {
    return `no network namespaces with ip, nft and conntrack here: ${error}`
  }
}

interface Reply {
  readonly result?: unknown
  readonly error?: string
}

interface Message extends Reply {
  readonly id?: number
  readonly log?: Record<string, unknown>
}

/** A process that answers requests. */
class Remote {
  readonly child: ChildProcess
  readonly logs: Record<string, unknown>[] = []
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #last = 0

  constructor([program = '', ...args]: readonly string[]) {
    this.child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  }

  async ready(): Promise<void> {
    const [first] = await once(this.child, 'message')
    if (first.problem) throw new Error(first.problem)
    this.child.on('message', ({ id = 0, log, ...reply }: Message) => {
      if (log) this.logs.push(log)
      this.#waiting.get(id)?.(reply)
      this.#waiting.delete(id)
    })
  }

  ask<Result>(command: string, options: object = {}): Promise<Result> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) =>
        error === undefined ? resolve(result as Result) : reject(new Error(error)),
      )
      this.child.send({ id, command, options })
    })
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.isRunning) return
    this.child.kill(signal)
    await once(this.child, 'exit', { signal: AbortSignal.timeout(SIGTERM_EXIT_MS) })
  }
}

export type Peer = Remote

/**
 * A node, and peers around it, each in a network namespace of its own: peer number n
 * is 10.n.0.2 and fd00:n::2, and everybody's way to everybody leads through the node.
 */
export class NetWorld {
  readonly node: Remote
  readonly #remotes: Remote[] = []

  private constructor(node: Remote) {
    this.node = node
    this.#remotes.push(node)
  }

  static async start(): Promise<NetWorld> {
    const node = new Remote(['unshare', ...UNSHARE, process.execPath, PEER])
    await node.ready()
    const world = new NetWorld(node)
    const forward = 'net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1'
    await world.run(node, `ip link set lo up && sysctl -qw ${forward}`)
    return world
  }

  async peer(number: number): Promise<Peer> {
    const peer = new Remote([
      ...this.#enter(this.node, '-U'),
      'unshare',
      '-n',
      process.execPath,
      PEER,
    ])
    this.#remotes.push(peer)
    await peer.ready()
    const v = `v${number}`
    await this.run(
      this.node,
      `ip link add ${v} type veth peer name eth0 netns ${peer.child.pid}
       ip addr add 10.${number}.0.1/24 dev ${v}
       ip addr add fd00:${number}::1/64 dev ${v} nodad
       ip link set ${v} up`,
    )
    await this.run(
      peer,
      `ip link set lo up
       ip addr add 10.${number}.0.2/24 dev eth0
       ip addr add fd00:${number}::2/64 dev eth0 nodad
       ip link set eth0 up
       ip route add default via 10.${number}.0.1
       ip -6 route add default via fd00:${number}::1`,
    )
    // The node's own calls to services need some way to their addresses; any will do.
    if (number === 1) {
      const routes = 'ip route add default via 10.1.0.2 && ip -6 route add default via fd00:1::2'
      await this.run(this.node, routes)
    }
    return peer
  }

  /** An agent in the node's namespace. Throws what it says when it cannot start. */
  async agent(options: object = {}): Promise<Remote> {
    const program = [process.execPath, AGENT, JSON.stringify(options)]
    const agent = new Remote([...this.#enter(this.node, '-U', '-n'), ...program])
    this.#remotes.push(agent)
    await agent.ready()
    return agent
  }

  /** Runs a script of the shell in the namespace; answers what it printed. */
  run(where: Remote, script: string, input = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const [program = '', ...args] = [...this.#enter(where, '-U', '-n'), 'sh', '-e', '-c', script]
      const options = { maxBuffer: 2 ** 26 }
      const child = execFile(program, args, options, (error, stdout, stderr) =>
        error ? reject(new Error(`${script}: ${stderr}`)) : resolve(stdout),
      )
      // Most scripts read nothing, and may be over before anything is written.
      child.stdin?.on('error', () => {}).end(input)
    })
  }

  async end(): Promise<void> {
    for (const remote of this.#remotes.reverse()) await remote.end()
  }

  #enter(where: Remote, ...namespaces: readonly string[]): readonly string[] {
    const chosen = UNSHARE.includes('-Urn') ? namespaces : namespaces.filter((one) => one !== '-U')
    if (chosen.length === 0) return []
    const keep = chosen.includes('-U') ? ['--preserve-credentials'] : []
    return ['nsenter', '-t', `${where.child.pid}`, ...chosen, ...keep, '--']
  }
}
