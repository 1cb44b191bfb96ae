import type * as proto from '@roster/proto'
import { type CallContext, ServerError, Status } from 'nice-grpc'
import { RegistryError } from '../model/errors.ts'
import { DEFAULT_NAMESPACE } from '../model/meta.ts'
import { dns1123Label } from '../model/names.ts'
import type { WatchHub } from '../registry/watch-hub.ts'
import type { Subscription, Watcher } from '../registry/watcher.ts'
import { callerOf } from './caller.ts'
import { type PushCalls, PushStream } from './push.ts'

/** Most subscriptions of one stream: more are better made as one of their namespace. */
const MAX_SUBSCRIPTIONS = 1_000

/**
 * One WatchEndpoints stream. Its messages go out below nice-grpc (push.ts), so
 * the generator yields none; it reads what the watcher says and ends when the
 * watcher goes or the registry stops.
 */
export async function* watchEndpoints(
  hub: WatchHub,
  calls: PushCalls,
  requests: AsyncIterable<proto.WatchEndpointsRequest__Output>,
  context: CallContext,
): AsyncGenerator<never, void> {
  const { signal } = context
  let stop: () => void = () => undefined
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped')
  })
  const gone = new Promise<'gone'>((resolve) => {
    signal.addEventListener('abort', () => resolve('gone'), { once: true })
  })
  const stream = new PushStream(calls.take(context), () => hub.drained(watcher))
  const sink = { send: (bytes: Buffer) => stream.send(bytes), end: stop }
  const watcher = hub.open(sink, callerOf(context))
  try {
    const read = readRequests(hub, watcher, requests)
    // A half-closed stream goes on: one request from grpcurl is enough.
    const how = await Promise.race([stopped, gone, read.then(() => Promise.race([stopped, gone]))])
    if (how === 'stopped') {
      throw new ServerError(
        Status.UNAVAILABLE,
        'the registry is stopping: connect again and resume',
      )
    }
  } finally {
    hub.close(watcher)
  }
}

async function readRequests(
  hub: WatchHub,
  watcher: Watcher,
  requests: AsyncIterable<proto.WatchEndpointsRequest__Output>,
): Promise<void> {
  let isNamed = false
  for await (const { client, subscribe, unsubscribe, ack } of requests) {
    if (client !== '' && !isNamed) {
      isNamed = true
      watcher.client = client.slice(0, 128)
    }
    if (subscribe) {
      const count = watcher.named.size + (watcher.scopes?.size ?? 0)
      if (count >= MAX_SUBSCRIPTIONS) throw tooMany()
      hub.subscribe(watcher, subscriptionFrom(subscribe))
    } else if (unsubscribe) {
      const { namespace, service } = subscriptionFrom({ ...unsubscribe, resume: null })
      hub.unsubscribe(watcher, namespace, service)
    } else if (ack) {
      watcher.acknowledge(ack.revision)
    } else {
      throw new RegistryError('INVALID', 'action: Required value: subscribe, unsubscribe or ack', {
        violations: [{ field: 'action', description: 'Required value' }],
      })
    }
  }
  watcher.isMute = true
  watcher.tellListeners()
}

function subscriptionFrom({ namespace, service, resume }: proto.Subscribe__Output): Subscription {
  const named = service === '' ? namespace : namespace || DEFAULT_NAMESPACE
  checkWatchedName(named, service)
  if (resume === null) return { namespace: named, service }
  const { storeId, revision } = resume
  return { namespace: named, service, resume: { storeId, revision } }
}

const tooMany = (): RegistryError =>
  new RegistryError(
    'EXHAUSTED',
    `a stream may name at most ${MAX_SUBSCRIPTIONS} services: subscribe to the namespace instead`,
  )

/** Names are kept and repeated in bookmarks, so they must be names. */
export function checkWatchedName(namespace: string, service: string): void {
  const problems = [
    ...(namespace === '' ? [] : dns1123Label(namespace).map((text) => ['namespace', text])),
    ...(service === '' ? [] : dns1123Label(service).map((text) => ['service', text])),
  ]
  if (problems.length === 0) return
  const violations = problems.map(([field = '', description = '']) => ({ field, description }))
  throw new RegistryError('INVALID', `${violations[0]?.field}: ${violations[0]?.description}`, {
    violations,
  })
}
