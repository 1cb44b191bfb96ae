import { connectRoster, type Roster } from '@roster/client'

/** How often it is looked whether a picker has the pod, in milliseconds. */
const LOOK_MS = 5

/**
 * Many clients of one service in one process, each with a watch stream and a
 * connection to the registry of its own. Their connections to the pods are shared, as
 * grpc-js does for all channels of a process.
 * Arguments: address of the registry, target, number of clients. Says `ready` to its
 * parent; answers the name of a pod with the times, by Date.now(), at which each
 * client's picker had it.
 */
const [address = '', target = '', count = ''] = process.argv.slice(2)
const rosters: Roster[] = []
for (let i = 0; i < Number(count); i++) {
  const roster = connectRoster(address, { name: `${process.pid}/${i}` })
  const channel = roster.channel(target)
  channel.getConnectivityState(true)
  rosters.push(roster)
}
const isPicked = (roster: Roster, name: string) =>
  roster.stats(target).some(({ pod, ready }) => pod === name && ready)

process.on('message', (name: string) => {
  let waiting = rosters
  const times: number[] = []
  const timer = setInterval(() => {
    const nowMs = Date.now()
    const before = waiting.length
    waiting = waiting.filter((roster) => !isPicked(roster, name))
    for (let i = waiting.length; i < before; i++) times.push(nowMs)
    if (waiting.length > 0) return
    clearInterval(timer)
    process.send?.(times)
  }, LOOK_MS)
})
process.on('disconnect', () => process.exit())
