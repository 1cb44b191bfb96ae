import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Backoff, pause } from '@roster/client'

const PROGRAM = fileURLToPath(new URL('./main.js', import.meta.url))
/** How long an agent may take to stop, in milliseconds. */
const STOP_TIMEOUT_MS = 5_000
const MAX_DELAY_MS = 30_000

export interface AgentChildOptions {
  /** `host:port` the registry listens at. */
  readonly address: string
  /** Token the registry asks for. */
  readonly token?: string
  /** File with the certificate the registry shows. Absent: no TLS. */
  readonly certFile?: string
  /** CIDRs that ClusterIPs come from. */
  readonly clusterIPRanges: readonly string[]
  readonly logLevel: string
}

/** What runs an agent as a process of its own. */
export interface AgentChild {
  stop(): Promise<void>
}

/**
 * Runs `roster agent` for a registry of this process, and runs it again whenever it
 * ends, after up to 1 s, growing to 30 s. It ends by itself when this process does.
 */
export function startAgentChild(options: AgentChildOptions): AgentChild {
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  const keepRunning = async () => {
    const backoff = new Backoff({ initialMs: 1_000, maxMs: MAX_DELAY_MS })
    while (!stopping.signal.aborted) {
      backoff.started()
      child = spawnAgent(options)
      const why = await ended(child)
      if (stopping.signal.aborted) return
      const delayMs = Math.round(backoff.nextDelayMs())
      process.stderr.write(
        `the agent ended (${why}): starting it again in ${delayMs} ms; --no-agent serves without it\n`,
      )
      await pause(delayMs, stopping.signal)
    }
  }
  const running = keepRunning()
  return {
    stop: async () => {
      stopping.abort()
      child?.kill('SIGTERM')
      const timer = setTimeout(() => {
        process.stderr.write(`the agent did not stop in ${STOP_TIMEOUT_MS} ms: killing it\n`)
        child?.kill('SIGKILL')
      }, STOP_TIMEOUT_MS).unref()
      await running
      clearTimeout(timer)
    },
  }
}

function spawnAgent(options: AgentChildOptions): ChildProcess {
  const { address, token, certFile, clusterIPRanges, logLevel } = options
  const args = [
    ...['--registry', reachable(address)],
    ...['--service-cluster-ip-range', clusterIPRanges.join()],
    ...['--log-level', logLevel],
    '--load-balancer',
    // The registry it would outlive is this process, and its own end.
    ...['--snapshot', 'off'],
    ...(certFile === undefined ? [] : ['--registry-cert', certFile]),
  ]
  return spawn(process.execPath, [PROGRAM, 'agent', ...args], {
    // The channel tells it when this process is gone, however that came.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A Ctrl-C in the terminal is for this process, which stops the agent in its turn.
    detached: true,
    // Not as an argument: those are for everybody to see.
    env: { ...process.env, ...(token !== undefined && { ROSTER_TOKEN: token }) },
  })
}

/** Why the process ended. */
async function ended(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = await once(child, 'exit')
    return signal === null ? `exit code ${code}` : signal
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Where a listener at all addresses can be called from this machine. */
function reachable(address: string): string {
  const port = address.slice(address.lastIndexOf(':') + 1)
  const host = address.slice(0, -port.length - 1).replace(/^\[|\]$/g, '')
  if (host === '0.0.0.0') return `127.0.0.1:${port}`
  if (isIPv6(host) && /^[0:]+$/.test(host)) return `[::1]:${port}`
  return address
}
