import { describe, expect, it } from 'vitest'
import { World } from '../../../test/support/world.ts'
import { AckWait } from './ack-wait.ts'
import type { EventEncoder } from './encoder.ts'
import { View } from './view.ts'
import { WatchHub } from './watch-hub.ts'

/** Every message is the revision it brings its service to. */
const write = (revision: number): Buffer => Buffer.from(String(revision))
const encoder: EventEncoder = {
  snapshot: (_, revision) => write(revision),
  change: (_set, _difference, revision) => write(revision),
  bookmark: (_, revision) => write(revision),
}

/** A stream that a test lets be slow. */
class Stream {
  readonly received: number[] = []
  isReading = true

  send(bytes: Buffer): boolean {
    this.received.push(Number(bytes.toString()))
    return this.isReading
  }

  end(): void {}
}

const service = (name: string) => ({
  key: `services/a/${name}`,
  value: JSON.stringify({
    metadata: { namespace: 'a', name },
    spec: {
      type: 'ClusterIP',
      ports: [],
      selector: { app: 'x' },
      matchExpressions: [],
      ipFamilies: ['IPv4'],
    },
  }),
  isExpiry: false,
})

const pod = (terminating: boolean) => ({
  key: 'pods/a/p1',
  value: JSON.stringify({
    metadata: { namespace: 'a', name: 'p1', uid: 'u', labels: { app: 'x' } },
    spec: { ports: [], weight: 100 },
    status: { podIPs: ['10.0.0.1'], phase: 'Running', ready: true, terminating, leaseId: '' },
  }),
  isExpiry: false,
})

const SERVICE = { namespace: 'a', service: 's1' }
const ALL = { namespace: '', service: '' }

/** A service with one pod, and a way to change them. */
function start() {
  const world = new World()
  const view = new View()
  const hub = new WatchHub(view, { encoder, storeId: 'store', now: () => 0, bookmarkMs: 3_600_000 })
  const apply = (change: Parameters<World['change']>[0]) => view.apply(world.change(change))
  apply(service('s1'))
  apply(pod(false))
  const watch = (subscription = SERVICE) => {
    const stream = new Stream()
    const watcher = hub.open(stream, 'test')
    hub.subscribe(watcher, subscription)
    return { stream, watcher }
  }
  const wait = () => new AckWait(hub, [view.set('a', 's1')])
  return { view, hub, apply, watch, wait }
}

const isOver = async (wait: AckWait) => {
  let over = false
  void wait.ended.then(() => {
    over = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return over
}

describe('AckWait', () => {
  it('is over at once when nobody watches', async () => {
    const { wait } = start()
    expect(await isOver(wait())).toBe(true)
  })

  it('sends at once what is unsent', () => {
    const { view, apply, watch, wait } = start()
    const { stream } = watch()
    apply(pod(true))
    wait()
    expect(stream.received.at(-1)).toBe(view.revision)
  })

  it('is over when the last of them has acknowledged that revision, and not before', async () => {
    const { view, apply, watch, wait } = start()
    const [one, two] = [watch().watcher, watch(ALL).watcher]
    apply(pod(true))
    const waiting = wait()
    one.acknowledge(view.revision - 1)
    one.acknowledge(view.revision)
    two.acknowledge(view.revision - 1)
    expect(waiting.laggards).toEqual([two])
    expect(await isOver(waiting)).toBe(false)
    two.acknowledge(view.revision)
    expect(await isOver(waiting)).toBe(true)
    expect([waiting.laggards, waiting.watchers]).toEqual([[], 2])
  })

  it('does not take an acknowledgement of other sets for that of one yet to be sent', () => {
    const { view, hub, apply, watch, wait } = start()
    const { stream, watcher } = watch(ALL)
    stream.isReading = false
    apply(service('s2'))
    hub.flush(view.set('a', 's2'))
    apply(pod(true))
    const waiting = wait()
    watcher.acknowledge(view.revision)
    expect(waiting.laggards).toEqual([watcher])
    stream.isReading = true
    hub.drained(watcher)
    expect(waiting.laggards).toEqual([watcher])
    watcher.acknowledge(view.revision)
    expect(waiting.laggards).toEqual([])
    hub.stop()
  })

  it('asks for no acknowledgement of what was never sent, because it was undone in between', () => {
    const { apply, watch, wait } = start()
    const { stream, watcher } = watch()
    watcher.acknowledge(stream.received.at(-1) ?? 0)
    apply(pod(true))
    apply(pod(false))
    expect(wait().laggards).toEqual([])
  })

  it.each<
    [string, (world: ReturnType<typeof start>, watcher: ReturnType<WatchHub['open']>) => void]
  >([
    ['goes', ({ hub }, watcher) => hub.close(watcher)],
    ['unsubscribes', ({ hub }, watcher) => hub.unsubscribe(watcher, 'a', 's1')],
    [
      'falls mute and has never acknowledged',
      (_, watcher) => {
        watcher.isMute = true
        watcher.tellListeners()
      },
    ],
  ])('counts no watcher that %s', async (_, leave) => {
    const world = start()
    const { watcher } = world.watch()
    world.apply(pod(true))
    const waiting = world.wait()
    leave(world, watcher)
    expect(await isOver(waiting)).toBe(true)
    expect([waiting.laggards, waiting.watchers]).toEqual([[], 0])
  })

  it('waits for one that has fallen mute and has acknowledged before', () => {
    const { apply, watch, wait } = start()
    const { stream, watcher } = watch()
    watcher.acknowledge(stream.received.at(-1) ?? 0)
    watcher.isMute = true
    apply(pod(true))
    expect(wait().laggards).toEqual([watcher])
  })

  it('waits for nobody who subscribes after it began', async () => {
    const { apply, watch, wait } = start()
    apply(pod(true))
    const waiting = wait()
    watch()
    expect(await isOver(waiting)).toBe(true)
  })

  it('keeps its laggards when it is ended, and hears of them no more', async () => {
    const { view, apply, watch, wait } = start()
    const { watcher } = watch()
    apply(pod(true))
    const waiting = wait()
    waiting.end()
    watcher.acknowledge(view.revision)
    expect(await isOver(waiting)).toBe(true)
    expect(waiting.laggards).toEqual([watcher])
  })
})
