// A program: a userspace proxy for the endpoint set given as JSON, until it is killed.
// Prints the process id of its worker.
import { startUserspaceProxy } from '@roster/agent'

const set = JSON.parse(process.argv[2])
const quiet = () => {}

const proxy = startUserspaceProxy({
  source: {
    isSynced: true,
    sets: new Map(),
    subscribe: (listener) => {
      queueMicrotask(() => listener({ changed: [set], removed: [] }))
      return quiet
    },
  },
  node: 'n1',
  zone: 'z1',
  log: { warn: quiet },
})
setImmediate(() => process.stdout.write(`${proxy.workerPid}\n`))
