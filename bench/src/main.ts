import { parseArgs } from 'node:util'
import { burst } from './burst.ts'
import { callsCost } from './calls-cost.ts'
import { dns } from './dns.ts'
import { failover } from './failover.ts'
import { fanout } from './fanout.ts'
import { pick } from './pick.ts'
import { propagation } from './propagation.ts'
import { proxy } from './proxy.ts'
import { push } from './push.ts'
import { register } from './register.ts'
import { formatTable, type Report } from './report.ts'
import { restart } from './restart.ts'
import { rules } from './rules.ts'
import { scale } from './scale.ts'
import { removeLeftovers } from './server-process.ts'
import { slow } from './slow.ts'

const benchmarks: Readonly<Record<string, () => Promise<Report>>> = {
  fanout,
  burst,
  register,
  restart,
  proxy,
  rules,
  scale,
  pick,
  push,
  calls: callsCost,
  slow,
  failover,
  propagation,
  dns,
}

const usage = `usage: npm run bench -- NAME [--json]

  fanout    one change at a time to 1,000 watchers: CPU, latency, memory; against etcd
  burst     1,000 changes as fast as they go: time to the final state; against etcd
  register  64 callers register pods, singly and in batches; against etcd
  restart   start on a file with 100,000 pods: time to the first answer, memory
  scale     CPU per change with 10,000 services against 100
  pick      nanoseconds per pick of every policy; against grpc-js
  push      how long a change of one of 1,000 endpoints blocks the client; against grpc-js
  calls     client CPU per unary call; against grpc-js
  slow      five servers, one ten times slower: latency, who serves; against grpc-js
  failover  kill -9 of one of three pods under 40 callers: failed calls, last call to it
  propagation  RegisterPod until the pickers of 200 clients use the pod
  proxy     the userspace and nftables proxies on this machine; against HAProxy, and no proxy
  rules     changes of nftables rules with 1,000 and 5,000 services
  dns       DNS answers of the agent; against NSD and dnsmasq

  --json    print one JSON object instead of a table

Where etcd is the peer, etcd 3.4 must be on the PATH: apt-get install etcd-server
`

// Also after an error: no server outlives the run, no file stays.
process.on('exit', removeLeftovers)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  // Sockets of a failed benchmark would keep the process.
  process.exit(1)
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [name = ''] = positionals
  const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined
  if (values.help || benchmark === undefined) {
    process.stdout.write(usage)
    return values.help ? 0 : 2
  }
  const { rows, json } = await benchmark()
  const text = values.json ? JSON.stringify({ benchmark: name, ...json }) : formatTable(rows)
  process.stdout.write(`${text}\n`)
  return 0
}
