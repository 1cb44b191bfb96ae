import { inNewNamespace } from './namespace.ts'
import type { Goal, Report, Row } from './report.ts'
import type { RulesFigures } from './rules-worker.ts'

const FEW_SERVICES = 1_000
const MANY_SERVICES = 5_000

/**
 * How long the nftables proxy takes to bring the kernel to a change of one service, and
 * to all services, three endpoints each, from being told until it is in force.
 */
export async function rules(): Promise<Report> {
  const few = await measured(FEW_SERVICES)
  const many = await measured(MANY_SERVICES)
  return {
    rows: [
      ...rowsOf(FEW_SERVICES, few, { of: 'roster', atMost: 40 }),
      ...rowsOf(MANY_SERVICES, many, { of: 'roster', atMost: 80 }),
    ],
    json: { [FEW_SERVICES]: few, [MANY_SERVICES]: many },
  }
}

const measured = async (services: number) =>
  (await inNewNamespace('./rules-worker.js', [`${services}`])) as RulesFigures

function rowsOf(services: number, figures: RulesFigures, goal: Goal): readonly Row[] {
  const row = (what: string, roster: number) => ({
    what: `${services} services: ${what}`,
    unit: 'ms',
    roster,
  })
  return [
    { ...row('change of one, p50', figures.deltaP50Ms), goal },
    row('change of one, max', figures.deltaMaxMs),
    row('all, on nothing', figures.firstFullMs),
    row('all, over what was there', figures.fullAgainMs),
    row('event loop stands still meanwhile', figures.loopDelayMs),
  ]
}
