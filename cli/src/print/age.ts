import type { Timestamp__Output } from './timestamp.ts'
import { milliseconds } from './timestamp.ts'

const MINUTE_S = 60
const HOUR_S = 60 * MINUTE_S
const DAY_S = 24 * HOUR_S
const YEAR_S = 365 * DAY_S

/**
 * How long ago something was, in kubectl's form: two units while the second says
 * something (`9m30s`, `7h59m`, `7d23h`), one beyond (apimachinery
 * pkg/util/duration HumanDuration).
 */
export function age(since: Timestamp__Output | null, nowMs: number): string {
  if (since === null) return '<unknown>'
  const s = Math.trunc((nowMs - milliseconds(since)) / 1000)
  // Clocks of two machines may differ by a second.
  if (s < -1) return '<invalid>'
  if (s < 2 * MINUTE_S) return `${Math.max(s, 0)}s`
  if (s < 10 * MINUTE_S) return twoUnits(s, [MINUTE_S, 'm'], [1, 's'])
  if (s < 3 * HOUR_S) return `${Math.floor(s / MINUTE_S)}m`
  if (s < 8 * HOUR_S) return twoUnits(s, [HOUR_S, 'h'], [MINUTE_S, 'm'])
  if (s < 2 * DAY_S) return `${Math.floor(s / HOUR_S)}h`
  if (s < 8 * DAY_S) return twoUnits(s, [DAY_S, 'd'], [HOUR_S, 'h'])
  if (s < 2 * YEAR_S) return `${Math.floor(s / DAY_S)}d`
  if (s < 8 * YEAR_S) return twoUnits(s, [YEAR_S, 'y'], [DAY_S, 'd'])
  return `${Math.floor(s / YEAR_S)}y`
}

type Unit = readonly [seconds: number, letter: string]

function twoUnits(s: number, [great, greatLetter]: Unit, [small, smallLetter]: Unit): string {
  const rest = Math.floor((s % great) / small)
  return `${Math.floor(s / great)}${greatLetter}${rest === 0 ? '' : `${rest}${smallLetter}`}`
}
