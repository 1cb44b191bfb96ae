import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ECHO_TARGET, startEchoService } from './echo-service.ts'
import type { Report } from './report.ts'
import { ServerProcess } from './server-process.ts'

const watchersFile = fileURLToPath(new URL('./propagation-watchers.js', import.meta.url))
const serversFile = fileURLToPath(new URL('./echo-servers.js', import.meta.url))

const CLIENTS = 200
/** They share so many processes: one for each core of a small machine. */
const PROCESSES = 2
const WARM_UP_PODS = 12
const MEASURED_PODS = 20
const SETTLE_MS = 500

/**
 * From the acknowledgement of RegisterPod until the picker of each of 200 clients
 * uses the pod: the news by a watch stream of its own, and a connection to the pod
 * that stands. The clients share few processes, and the connections of a process.
 */
export async function propagation(): Promise<Report> {
  const pods = WARM_UP_PODS + MEASURED_PODS
  const servers = new ServerProcess(process.execPath, [
    serversFile,
    ...Array.from({ length: pods }, () => '0'),
  ])
  const ports = (await servers.printed(/ports ([\d ]+)\n/)).split(' ').map(Number)
  const { registry, roster, add, close } = await startEchoService()
  const args = [registry.address, ECHO_TARGET, String(CLIENTS / PROCESSES)]
  const processes = Array.from({ length: PROCESSES }, () => fork(watchersFile, args))
  try {
    const delaysMs: number[] = []
    for (const [i, port] of ports.entries()) {
      const name = `echo-${i}`
      const picked = processes.map((process) => timesOf(process, name))
      await add(name, port)
      const acknowledgedMs = Date.now()
      const times = (await Promise.all(picked)).flat()
      // Few at a time: looking at the pickers costs more with each.
      if (i > 0) await roster.pods.deregisterPod({ namespace: 'bench', name })
      // One change at a time: closing 200 connections is work too.
      await delay(SETTLE_MS)
      if (i >= WARM_UP_PODS) delaysMs.push(...times.map((time) => time - acknowledgedMs))
    }
    return reportOf(delaysMs)
  } finally {
    for (const process of processes) process.disconnect()
    await close()
    await servers.stop()
  }
}

async function timesOf(process: ChildProcess, pod: string): Promise<readonly number[]> {
  process.send(pod)
  const [times] = (await once(process, 'message')) as [readonly number[]]
  return times
}

function reportOf(delaysMs: readonly number[]): Report {
  const sorted = [...delaysMs].sort((a, b) => a - b)
  const percentile = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
  const figures = { p50Ms: percentile(0.5), p99Ms: percentile(0.99), maxMs: percentile(1) }
  const what = 'RegisterPod acknowledged to the picker of 200 clients'
  return {
    rows: [
      { what: `${what}, p50`, unit: 'ms', roster: figures.p50Ms },
      {
        what: `${what}, p99`,
        unit: 'ms',
        roster: figures.p99Ms,
        goal: { of: 'roster', atMost: 100 },
      },
    ],
    json: figures,
  }
}
