import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, credentials } from '@grpc/grpc-js'
import type { Roster } from '@roster/client'
import { ECHO_TARGET, startEchoService } from './echo-service.ts'
import { callEcho } from './echo-sides.ts'
import type { Report } from './report.ts'
import { ServerProcess } from './server-process.ts'

const podFile = fileURLToPath(new URL('./echo-pod.js', import.meta.url))

const PODS = 3
const CALLERS = 40
const ROUNDS = 5
const BEFORE_MS = 1_500
const AFTER_MS = 1_500

/**
 * Three pods, each a process, and 40 callers that call again as soon as they are
 * answered; one pod is killed (SIGKILL). How many calls failed, and how long the SDK
 * went on sending calls to the dead one. With default settings.
 */
export async function failover(): Promise<Report> {
  const { registry, roster, close } = await startEchoService()
  const client = new Client(ECHO_TARGET, credentials.createInsecure(), roster.channelOptions())
  const pods: { readonly name: string; readonly process: ServerProcess }[] = []
  let started = 0
  const startPod = async () => {
    const name = `echo-${started++}`
    const process = new ServerProcess(execPath, [podFile, registry.address, name])
    await process.printed(/registered (\S+)\n/)
    pods.push({ name, process })
  }
  for (let i = 0; i < PODS; i++) await startPod()
  const rounds: Loss[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const victim = pods.shift()
    if (victim === undefined) break
    rounds.push(await lose(roster, client, victim))
    await startPod()
  }
  client.close()
  await Promise.all(pods.map((pod) => pod.process.stop()))
  await close()

  const total = (figure: 'calls' | 'failed') =>
    rounds.reduce((sum, round) => sum + round[figure], 0)
  const untilAvoidedMs = Math.max(...rounds.map((round) => round.untilAvoidedMs))
  return {
    rows: [
      { what: 'calls', unit: 'calls', roster: total('calls') },
      {
        what: `failed calls, ${ROUNDS} times kill -9`,
        unit: 'calls',
        roster: total('failed'),
        goal: { of: 'roster', atMost: 0 },
      },
      {
        what: 'last call sent to the dead pod, worst',
        unit: 'ms after the kill',
        roster: untilAvoidedMs,
        goal: { of: 'roster', atMost: 50 },
      },
    ],
    json: { failed: total('failed'), untilAvoidedMs, rounds },
  }
}

const { execPath } = process

interface Loss {
  readonly calls: number
  readonly failed: number
  /** From the kill to the last pick of the dead pod. */
  readonly untilAvoidedMs: number
}

async function lose(
  roster: Roster,
  client: Client,
  victim: { readonly name: string; readonly process: ServerProcess },
): Promise<Loss> {
  await waitForPods(roster, client)
  let calls = 0
  let failed = 0
  let isOver = false
  let picks = 0
  let lastPickMs = 0
  const look = () => {
    const stats = roster.stats(ECHO_TARGET).find(({ pod }) => pod === victim.name)
    if (stats === undefined || stats.picks === picks) return
    picks = stats.picks
    lastPickMs = performance.now()
  }
  const caller = async () => {
    while (!isOver) {
      calls++
      await callEcho(client).catch(() => failed++)
      look()
    }
  }
  const callers = Array.from({ length: CALLERS }, caller)
  await delay(BEFORE_MS)
  const killedMs = performance.now()
  victim.process.kill()
  await delay(AFTER_MS)
  isOver = true
  await Promise.all(callers)
  if (picks === 0) throw new Error(`${victim.name} had no calls before it was killed`)
  return { calls, failed, untilAvoidedMs: Math.max(0, lastPickMs - killedMs) }
}

async function waitForPods(roster: Roster, client: Client): Promise<void> {
  // Connects, if it has not yet.
  client.getChannel().getConnectivityState(true)
  const isReady = () => roster.stats(ECHO_TARGET).filter(({ ready }) => ready).length === PODS
  while (!isReady()) await delay(10)
}
