import type { Pod__Output } from '@roster/proto'
import type { Connection } from '../connection.ts'
import { podManifest } from '../manifest/pod.ts'
import { age } from '../print/age.ts'
import { describePod } from '../print/describe-pod.ts'
import { isReady, podStatus } from '../print/pod-status.ts'
import { NONE } from '../print/table.ts'
import { everyPage, sent } from './pages.ts'
import type { Columns, Item, Resource, TableStyle } from './resource.ts'

const TABLE = ['NAME', 'READY', 'STATUS', 'AGE']
/** Columns of their tables. */
export const POD_COLUMNS: Columns = {
  table: TABLE,
  wide: [...TABLE, 'IP', 'NODE', 'ZONE', 'WEIGHT', 'LEASE'],
}

/** Pods, as they are registered. */
export function pods(connection: Connection): Resource {
  return {
    list: async ({ namespace, selector }) => {
      const all = await everyPage(
        (pageToken) => connection.pods.listPods({ namespace, labelSelector: selector, pageToken }),
        (page) => page.pods,
      )
      return all.map(podItem)
    },
    get: async (named) => podItem(sent((await connection.pods.getPod(named)).pod)),
    delete: async (named) => {
      await connection.pods.deregisterPod(named)
    },
  }
}

function podItem(pod: Pod__Output): Item {
  const { name, namespace } = sent(pod.metadata)
  return {
    name,
    namespace,
    cells: (style, nowMs) => podCells(pod, style, nowMs),
    manifest: () => podManifest(pod),
    description: async () => describePod(pod),
  }
}

/** The row `kubectl get pods` has, as far as a pod that nobody restarts goes. */
export function podCells(pod: Pod__Output, style: TableStyle, nowMs: number): readonly string[] {
  const meta = sent(pod.metadata)
  const cells = [
    meta.name,
    `${isReady(pod) ? 1 : 0}/1`,
    podStatus(pod),
    age(meta.creationTimestamp, nowMs),
  ]
  if (style === 'table') return cells
  const { override, spec, status } = pod
  return [
    ...cells,
    status?.podIps.join(',') || NONE,
    spec?.nodeName || NONE,
    spec?.zone || NONE,
    String(override?.weight ?? spec?.weight ?? 0),
    status?.leaseId || NONE,
  ]
}
