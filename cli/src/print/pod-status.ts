import type { Pod__Output } from '@roster/proto'

/** Whether the pod counts as ready: by its own word, its lease's stream, its probe and the operator. */
export const isReady = ({ override, status }: Pod__Output): boolean =>
  status?.ready === true &&
  !status.disconnected &&
  override?.maintenance !== true &&
  status.conditions.every(({ type, status: found }) => type !== 'Probed' || found === 'True')

/** `Running`, `Terminating`, `Held`, `Disconnected`, each with `,Maintenance` where the operator wants it. */
export function podStatus({ override, status }: Pod__Output): string {
  const maintenance = override?.maintenance === true ? ',Maintenance' : ''
  if (status?.terminating === true) return `Terminating${maintenance}`
  if (status?.held === true) return `Held${maintenance}`
  if (status?.disconnected === true) return `Disconnected${maintenance}`
  return `${status?.phase ?? 'Unknown'}${maintenance}`
}
