// A program: an nftables proxy that is fed by its parent, until it is killed.
import { startNftablesProxy } from '@roster/agent'

const sets = new Map()
let listener
const source = {
  isSynced: true,
  sets,
  subscribe: (one) => {
    listener = one
    return () => {}
  },
}
const say = (level) => (fields, text) => process.send({ log: { level, text, ...fields } })
const log = { debug: () => {}, info: say('info'), warn: say('warn'), error: say('error') }

try {
  const options = JSON.parse(process.argv[2])
  const proxy = await startNftablesProxy({ source, node: 'n1', zone: 'z1', log, ...options })
  process.on('message', async ({ id, options: { changed, removed } }) => {
    listener({ changed, removed })
    await proxy.settled()
    process.send({ id })
  })
  process.on('disconnect', () => process.exit())
  process.send({ isReady: true })
} catch (error) {
  process.send({ problem: error.message })
  process.disconnect()
}
