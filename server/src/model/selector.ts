/** One requirement of a set-based selector, in the form of meta/v1 LabelSelectorRequirement. */
export interface Requirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  readonly values: readonly string[]
}
