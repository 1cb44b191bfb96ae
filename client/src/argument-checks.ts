import { inspect } from 'node:util'
import { RosterError } from './roster-error.ts'

/** Throws INVALID, saying what is at the path and what must be, unless the value is right. */
export type Check = (value: unknown, path: string) => void

/** One for each member of an object. */
export type Checks<T> = { readonly [K in keyof T]-?: Check }

/** A check that a value is as a predicate has it. */
export const must =
  (isRight: (value: unknown) => boolean, expected: string): Check =>
  (value, path) => {
    if (isRight(value)) return
    const got = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })
    throw new RosterError('INVALID', `${path} is ${got}: it must be ${expected}`)
  }

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const object = must(isObject, 'an object')

/** Checks the members that are there. `path` goes before their names. */
export function checkFields<T>(value: T, checks: Checks<T>, path: string): void {
  for (const [name, check] of Object.entries<Check>(checks)) {
    const field: unknown = Reflect.get(Object(value), name)
    if (field !== undefined) check(field, `${path}${name}`)
  }
}

/** Throws INVALID for a typing error: it would leave the default in place, and nobody would know. */
export function refuseUnknown(value: unknown, known: readonly string[], path: string): void {
  const unknown = Object.keys(value ?? {}).find((key) => !known.includes(key))
  if (unknown === undefined) return
  throw new RosterError('INVALID', `${path}${unknown} is unknown: use ${known.join(', ')}`)
}
