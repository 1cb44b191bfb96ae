/** Draws indices of a list at random, each in proportion to its weight. */
export interface Sampler {
  draw(): number
  /**
   * A second draw, to be held against the first: another index where all weigh the
   * same. With weights it may be the same again, which is what keeps equal candidates
   * in proportion: of two different ones each wins half the time.
   */
  drawAgainst(first: number): number
}

export type Random = () => number

/** A sampler for these weights, all above 0. At least one. */
export const samplerOf = (weights: readonly number[], random: Random = Math.random): Sampler =>
  weights.every((weight) => weight === weights[0])
    ? new UniformSampler(weights.length, random)
    : new AliasSampler(weights, random)

class UniformSampler implements Sampler {
  readonly #count: number
  readonly #random: Random

  constructor(count: number, random: Random) {
    this.#count = count
    this.#random = random
  }

  draw(): number {
    return Math.floor(this.#random() * this.#count)
  }

  drawAgainst(first: number): number {
    return drawOther(first, this.#count, this.#random)
  }
}

/** Any index below `count` but this one; this one if it is the only one. */
export function drawOther(one: number, count: number, random: Random): number {
  if (count === 1) return one
  const other = Math.floor(random() * (count - 1))
  return other < one ? other : other + 1
}

/**
 * The alias method (Walker 1977, built as by Vose 1991): a draw takes constant time.
 * Every index has a column of the same width, part of which may belong to another.
 */
class AliasSampler implements Sampler {
  readonly #random: Random
  /** Part of the column, from the left, that is the index's own. */
  readonly #own: Float64Array
  /** Whose the rest is. */
  readonly #alias: Uint32Array

  constructor(weights: readonly number[], random: Random) {
    this.#random = random
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length
    this.#own = Float64Array.from(weights, (weight) => weight / mean)
    this.#alias = Uint32Array.from(weights, (_, i) => i)
    this.#fillColumns()
  }

  draw(): number {
    const x = this.#random() * this.#own.length
    const column = Math.floor(x)
    return x - column < (this.#own[column] ?? 1) ? column : (this.#alias[column] ?? column)
  }

  drawAgainst(): number {
    return this.draw()
  }

  /** Fills what is free in the column of a light index from a heavy one, until none is heavy. */
  #fillColumns(): void {
    const own = this.#own
    const light: number[] = []
    const heavy: number[] = []
    own.forEach((share, i) => {
      if (share < 1) light.push(i)
      else heavy.push(i)
    })
    for (;;) {
      const from = heavy.at(-1)
      const to = from === undefined ? undefined : light.pop()
      if (from === undefined || to === undefined) break
      this.#alias[to] = from
      const left = (own[from] ?? 1) - (1 - (own[to] ?? 1))
      own[from] = left
      if (left < 1) {
        heavy.pop()
        light.push(from)
      }
    }
    // Rounding leaves a few a hair below 1; their columns are their own.
    for (const i of light) if (this.#alias[i] === i) own[i] = 1
  }
}
