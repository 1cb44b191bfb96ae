import type { EjectionConfig, FailurePercentage, SuccessRate } from './ejection-config.ts'
import type { CallWindow } from './endpoint-load.ts'

/** How the calls of one endpoint ended. */
type Counted<Host> = CallWindow & { readonly host: Host }

interface Outlier<Host> {
  readonly host: Host
  readonly reason: string
}

/**
 * The endpoints whose calls of one interval failed too often, with the reason: by
 * their own share of failures, or against the others (gRFC A50). An endpoint with
 * few calls is never one, nor does it count for the others.
 */
export function findOutliers<Host>(
  counts: readonly Counted<Host>[],
  config: Pick<EjectionConfig, 'failurePercentage' | 'successRate'>,
): readonly Outlier<Host>[] {
  const byRate = worseThanOthers(counts, config.successRate)
  const byPercentage = failingTooOften(counts, config.failurePercentage)
  const known = new Set(byPercentage.map(({ host }) => host))
  return [...byPercentage, ...byRate.filter(({ host }) => !known.has(host))]
}

const enough = <Host>(
  counts: readonly Counted<Host>[],
  { minimumHosts, requestVolume }: FailurePercentage | SuccessRate,
): readonly Counted<Host>[] => {
  const busy = counts.filter(({ successes, failures }) => successes + failures >= requestVolume)
  return busy.length >= minimumHosts ? busy : []
}

function failingTooOften<Host>(
  counts: readonly Counted<Host>[],
  config: FailurePercentage,
): readonly Outlier<Host>[] {
  return enough(counts, config).flatMap(({ host, successes, failures }) => {
    const calls = successes + failures
    if ((failures / calls) * 100 <= config.threshold) return []
    return { host, reason: `${failures} of ${calls} calls failed` }
  })
}

function worseThanOthers<Host>(
  counts: readonly Counted<Host>[],
  config: SuccessRate,
): readonly Outlier<Host>[] {
  const rates = enough(counts, config).map(({ host, successes, failures }) => ({
    host,
    rate: successes / (successes + failures),
  }))
  const mean = meanOf(rates.map(({ rate }) => rate))
  const stdev = Math.sqrt(meanOf(rates.map(({ rate }) => (rate - mean) ** 2)))
  const required = mean - stdev * (config.stdevFactor / 1_000)
  return rates
    .filter(({ rate }) => rate < required)
    .map(({ host, rate }) => ({
      host,
      reason: `${percent(rate)} of its calls succeeded, ${percent(mean)} of all`,
    }))
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
