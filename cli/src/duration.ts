const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of `500ms`, `10s`, `1m30s`, `2h` or, without a unit, of seconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return undefined
  let totalMs = 0
  for (const [, count, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    totalMs += Number(count) * (UNIT_MS[unit ?? ''] ?? 0)
  }
  return Math.round(totalMs)
}

/** `15s`, `1m30s`, `500ms`: what parseDuration reads. */
export function printDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`
  const seconds = ms / 1000
  const rest = seconds % 60
  if (seconds < 60) return `${seconds}s`
  return `${Math.floor(seconds / 60)}m${rest === 0 ? '' : `${rest}s`}`
}
