import type { ReadinessCheck } from '@roster/client'
import { createChannel, createClient } from 'nice-grpc'
import { HealthDefinition } from 'nice-grpc-server-health'
import { UsageError } from './errors.ts'

/** Less than the SDK waits for an answer, so that one that hangs does not pile up, in milliseconds. */
const TIMEOUT_MS = 900
const SERVING = 1

/**
 * The readiness check that `tcp:8080`, `http:8080/healthz` or `grpc:50051[/service]`
 * stands for, made from this process toward `host`. Throws UsageError for anything else.
 */
export function localProbe(text: string, host: string): ReadinessCheck {
  const [, type, digits, rest] = /^(tcp|http|grpc):(\d{1,5})(\/\S*)?$/.exec(text) ?? []
  const port = Number(digits)
  if (type === undefined || port < 1 || port > 65_535 || (type === 'tcp' && rest !== undefined)) {
    const forms = 'tcp:PORT, http:PORT/PATH or grpc:PORT[/SERVICE]'
    throw new UsageError(`--probe ${text}: give it as ${forms}`)
  }
  if (type === 'grpc') return () => checkGrpc(host, port, (rest ?? '').slice(1))
  return async () => {
    // Loaded when asked for: no other command but the agent's needs it.
    const { checkHttp, checkTcp } = await import('@roster/agent')
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    if (type === 'tcp') return checkTcp(host, port, signal)
    return checkHttp(host, port, rest ?? '/', signal)
  }
}

/** grpc.health.v1.Health/Check. A channel each: one that has failed would wait before it tries again. */
async function checkGrpc(host: string, port: number, service: string): Promise<boolean> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const channel = createChannel(address, undefined, {
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
  })
  try {
    const client = createClient(HealthDefinition, channel)
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return (await client.check({ service }, { signal })).status === SERVING
  } finally {
    channel.close()
  }
}
