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
