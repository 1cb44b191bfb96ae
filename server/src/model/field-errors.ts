import { RegistryError, type Violation } from './errors.ts'

/** Violations told of one object: they travel in HTTP/2 trailers, which clients bound to 8 KiB or so. */
const MAX_TOLD = 16

/**
 * Collects what is wrong with an object, field by field, in the wording of
 * Kubernetes' field.Error (apimachinery pkg/util/validation/field), so that a
 * message known from kubectl reads the same here.
 */
export class FieldErrors {
  readonly #violations: Violation[] = []

  get violations(): readonly Violation[] {
    return this.#violations
  }

  /** `Required value: detail` */
  required(field: string, detail = ''): void {
    this.#add(field, 'Required value', detail)
  }

  /** `Invalid value: "x": detail` */
  invalid(field: string, value: unknown, detail: string): void {
    this.#add(field, `Invalid value: ${JSON.stringify(value)}`, detail)
  }

  /** `Unsupported value: "x": supported values: "a", "b"` */
  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const list = supported.map((s) => JSON.stringify(s)).join(', ')
    this.#add(field, `Unsupported value: ${JSON.stringify(value)}`, `supported values: ${list}`)
  }

  /** `Duplicate value: "x"` */
  duplicate(field: string, value: unknown): void {
    this.#add(field, `Duplicate value: ${JSON.stringify(value)}`, '')
  }

  /** `Forbidden: detail` */
  forbidden(field: string, detail: string): void {
    this.#add(field, 'Forbidden', detail)
  }

  /** `Too many: 7: must have at most 5 items` */
  tooMany(field: string, actual: number, max: number): void {
    this.#add(field, `Too many: ${actual}`, `must have at most ${max} items`)
  }

  /** `Too long: may not be more than 63 bytes` */
  tooLong(field: string, max: number): void {
    this.#add(field, 'Too long', `may not be more than ${max} bytes`)
  }

  /** Throws INVALID naming the object if anything was collected. `Service "web" is invalid: …` */
  throwIfAny(kind: string, name: string): void {
    if (this.#violations.length === 0) return
    const told = this.#violations.slice(0, MAX_TOLD)
    const list = told.map((v) => `${v.field}: ${v.description}`)
    const more = this.#violations.length - told.length
    if (more > 0) list.push(`and ${more} more`)
    const text = list.length === 1 ? list[0] : `[${list.join(', ')}]`
    throw new RegistryError('INVALID', `${kind} "${name}" is invalid: ${text}`, {
      violations: told,
    })
  }

  #add(field: string, kind: string, detail: string): void {
    this.#violations.push({ field, description: detail === '' ? kind : `${kind}: ${detail}` })
  }
}
