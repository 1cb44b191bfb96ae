import { allowedOf, failedOf, type Phase } from './verdict.ts'

/** Prints what the phases came to, and the verdict. */
export function printSummary(
  out: NodeJS.WriteStream,
  phases: readonly Phase[],
  problems: readonly string[],
): void {
  const head = row('phase', ['moving', 'steady', 'failed', 'may fail'])
  const rows = phases.map(
    (phase) =>
      row(phase.name, [phase.moving.calls, phase.steady.calls, failedOf(phase), allowedOf(phase)]) +
      spread(phase),
  )
  const notes = phases.flatMap(({ name, inFlight }) =>
    inFlight
      ? [
          `${name}: ${inFlight.inAll} calls were under way when the pod stood still, ${inFlight.atPod} of them there`,
        ]
      : [],
  )
  const verdict =
    problems.length === 0
      ? ['ok: no more calls failed than may, and every ready pod got calls, and no other']
      : ['not as promised:', ...problems]
  out.write(
    `\n${head}calls of each pod in the steady part\n${rows.join('\n')}\n\n${[...notes, ...verdict].join('\n')}\n`,
  )
}

const row = (name: string, cells: readonly (number | string)[]): string =>
  `${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(9)).join('')}   `

const spread = ({ steady, slow }: Phase): string =>
  [...steady.perPod]
    .sort(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }))
    .map(([pod, calls]) => `${pod}${pod === slow ? ' (slow)' : ''} ${calls}`)
    .join('  ')
