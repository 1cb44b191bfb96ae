import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type NftablesRatios, nftablesRatios } from './proxy-nftables.ts'
import { type Path, startPaths } from './proxy-paths.ts'
import type { Goal, Report, Row } from './report.ts'
import { medians } from './statistics.ts'

const run = promisify(execFile)

const ROUNDS = 3
const SECONDS = 2
const CONNECTIONS = 32
const BITS_PER_GBIT = 1e9
const MAX_OUTPUT_BYTES = 2 ** 24

type Figure = 'rps' | 'cps' | 'gbps'
type Figures = Record<Figure, number>

/**
 * One backend directly, through HAProxy in TCP mode and through the userspace proxy,
 * all on this machine; and the nftables proxy in
 * namespaces of its own: requests over connections that stay open, new connections, and
 * bytes. Load, proxy and backend share its cores, so ratios to direct flatter nobody.
 */
export async function proxy(): Promise<Report> {
  const paths = await startPaths()
  const rounds = new Map<Path, Figures[]>(paths.all.map((path) => [path, []]))
  try {
    for (let round = 0; round < ROUNDS; round++) {
      // In turn, so that what else the machine does falls on all.
      for (const [path, figures] of rounds) figures.push(await measure(path))
    }
  } finally {
    await paths.stop()
  }
  const of = (name: Path['name']): Figures => {
    const found = [...rounds].find(([path]) => path.name === name)
    return medians(found?.[1] ?? [])
  }
  return report(of('direct'), of('haproxy'), of('userspace'), await nftablesRatios())
}

async function measure(path: Path): Promise<Figures> {
  return {
    rps: await requestsPerSecond(path, []),
    cps: await requestsPerSecond(path, ['--header', 'Connection: close']),
    gbps: await gigabitsPerSecond(path),
  }
}

async function requestsPerSecond({ address, ports }: Path, flags: readonly string[]) {
  const load = ['--threads', '1', '--connections', `${CONNECTIONS}`, '--duration', `${SECONDS}s`]
  const { stdout } = await run('wrk', [...load, ...flags, `http://${address}:${ports.http}/`])
  const failed = /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0]
  if (failed) process.stderr.write(`${address}: ${failed}\n`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
}

async function gigabitsPerSecond({ address, ports }: Path): Promise<number> {
  const flags = ['--client', address, '--port', `${ports.iperf}`, '--time', `${SECONDS}`, '--json']
  const { stdout } = await run('iperf3', flags, { maxBuffer: MAX_OUTPUT_BYTES })
  return JSON.parse(stdout).end.sum_received.bits_per_second / BITS_PER_GBIT
}

function report(
  direct: Figures,
  haproxy: Figures,
  userspace: Figures,
  nftables: NftablesRatios,
): Report {
  const ratios = (side: Figures): Figures => ({
    rps: side.rps / direct.rps,
    cps: side.cps / direct.cps,
    gbps: side.gbps / direct.gbps,
  })
  const row = (figure: Figure, what: string, unit: string, goal?: Goal): Row => ({
    what: `${what} (direct ${direct[figure].toPrecision(3)})`,
    unit,
    roster: userspace[figure],
    haproxy: haproxy[figure],
    ...(goal && { goal }),
  })
  return {
    rows: [
      row('rps', 'requests, connections kept', '1/s', { of: 'ratio', atLeast: 0.5 }),
      row('cps', 'new connections', '1/s'),
      row('gbps', 'bytes', 'Gbit/s'),
      ...nftables.rows,
    ],
    json: {
      direct,
      haproxy: ratios(haproxy),
      userspace: ratios(userspace),
      nftables: nftables.ratios,
      userspaceToHaproxyRps: userspace.rps / haproxy.rps,
    },
  }
}
