/** Members of an object as JSON has them. */
type Members = Readonly<Record<string, unknown>>

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads an object of a manifest member by member, knowing where in it it is, and
 * collects what is wrong instead of stopping at the first. A member that is null
 * counts as absent, as in Kubernetes; one of a wrong type is a problem and absent.
 */
export class Fields {
  readonly path: string
  readonly #members: Members
  readonly #problems: Set<string>
  readonly #known = new Set<string>()

  /** `problems` takes a line for each, `spec.ports[0].port: expected an integer, got text "80"`. */
  constructor(members: Members, problems: Set<string>, path = '') {
    this.#members = members
    this.#problems = problems
    this.path = path
  }

  text(name: string): string | undefined {
    const value = this.#take(name)
    if (value === undefined || typeof value === 'string') return value
    this.#expected(name, 'text', value)
    return undefined
  }

  integer(name: string): number | undefined {
    const value = this.#take(name)
    if (value === undefined || isInt32(value)) return value
    this.#expected(name, 'an integer', value)
    return undefined
  }

  truth(name: string): boolean | undefined {
    const value = this.#take(name)
    if (value === undefined || typeof value === 'boolean') return value
    this.#expected(name, 'true or false', value)
    return undefined
  }

  /** IntOrString of Kubernetes, as text. */
  integerOrText(name: string): string | undefined {
    const value = this.#take(name)
    if (value === undefined || typeof value === 'string') return value
    if (isInt32(value)) return String(value)
    this.#expected(name, 'an integer or text', value)
    return undefined
  }

  texts(name: string): string[] | undefined {
    const value = this.#list(name)
    return value?.flatMap((element, i) => {
      if (typeof element === 'string') return [element]
      this.#expected(`${name}[${i}]`, 'text', element)
      return []
    })
  }

  textMap(name: string): Record<string, string> | undefined {
    const value = this.#object(name)
    if (value === undefined) return undefined
    const entries = Object.entries(value).filter(([key, v]) => {
      if (typeof v === 'string') return true
      this.#expected(`${name}.${key}`, 'text', v)
      return false
    })
    return Object.fromEntries(entries) as Record<string, string>
  }

  object(name: string): Fields | undefined {
    const value = this.#object(name)
    return value && new Fields(value, this.#problems, this.#pathOf(name))
  }

  objects(name: string): Fields[] | undefined {
    return this.#list(name)?.flatMap((element, i) => {
      const at = `${name}[${i}]`
      if (isMembers(element)) return [new Fields(element, this.#problems, this.#pathOf(at))]
      this.#expected(at, 'an object', element)
      return []
    })
  }

  /** Members that are right but say nothing here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#known.add(name)
  }

  /** Reports every member that was neither read nor ignored: a typo must not vanish. */
  refuseOthers(): void {
    for (const name of Object.keys(this.#members)) {
      if (!this.#known.has(name)) this.problem(name, 'unknown field')
    }
  }

  /** Reports a problem of a member. */
  problem(name: string, text: string): void {
    this.#problems.add(`${this.#pathOf(name)}: ${text}`)
  }

  #take(name: string): unknown {
    this.#known.add(name)
    return this.#members[name] ?? undefined
  }

  #object(name: string): Members | undefined {
    const value = this.#take(name)
    if (value === undefined || isMembers(value)) return value
    this.#expected(name, 'an object', value)
    return undefined
  }

  #list(name: string): readonly unknown[] | undefined {
    const value = this.#take(name)
    if (value === undefined || Array.isArray(value)) return value
    this.#expected(name, 'a list', value)
    return undefined
  }

  #expected(name: string, expected: string, value: unknown): void {
    const hint = expected === 'text' && typeof value !== 'object' ? ': put it in quotes' : ''
    this.problem(name, `expected ${expected}, got ${nameOf(value)}${hint}`)
  }

  #pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }
}

const isInt32 = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31

function nameOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return `${typeof value === 'string' ? 'text' : typeof value} ${JSON.stringify(value)}`
}
