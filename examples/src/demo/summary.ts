import type { Phase } from './verdict.ts'

/** Prints what the phases came to, and the verdict. */
export function printSummary(
  out: NodeJS.WriteStream,
  phases: readonly Phase[],
  problems: readonly string[],
): void {
  const rows = phases.map(
    ({ name, moving, steady }) =>
      `${name.padEnd(22)}${cell(moving.calls)}${cell(steady.calls)}` +
      `${cell(moving.failed + steady.failed)}   ${spread(steady.perPod)}`,
  )
  const verdict =
    problems.length === 0
      ? [
          'ok: no call failed, and in the steady part of each phase every ready pod answered',
          'at least half of the even share of the calls',
        ]
      : ['not as promised:', ...problems]
  const head = `${'phase'.padEnd(22)}${'moving'.padStart(8)}${'steady'.padStart(8)}${'failed'.padStart(8)}`
  out.write(
    `\n${head}   calls of each pod in the steady part\n${rows.join('\n')}\n\n${verdict.join('\n')}\n`,
  )
}

const cell = (count: number): string => String(count).padStart(8)

const spread = (perPod: ReadonlyMap<string, number>): string =>
  [...perPod]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([pod, calls]) => `${pod} ${calls}`)
    .join('  ')
