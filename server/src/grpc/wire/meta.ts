import type { Labels, ObjectMeta } from '../../model/meta.ts'
import { DEFAULT_NAMESPACE } from '../../model/meta.ts'

/** google.protobuf.Timestamp, as proto-loader writes and reads it. */
export interface Timestamp {
  readonly seconds: number
  readonly nanos: number
}

export const timestampOf = (timeMs: number): Timestamp => ({
  seconds: Math.floor(timeMs / 1000),
  nanos: Math.floor((timeMs % 1000) * 1e6),
})

/** ObjectMeta as a caller sends it. */
export interface MetaMessage {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
}

export interface MetaInput {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly labels: Labels
  readonly annotations: Labels
}

/** What a caller says of an object; a missing message is an object without a name. */
export const metaFrom = (message: MetaMessage | null | undefined): MetaInput => ({
  name: message?.name ?? '',
  namespace: message?.namespace || DEFAULT_NAMESPACE,
  uid: message?.uid ?? '',
  labels: message?.labels ?? {},
  annotations: message?.annotations ?? {},
})

export const metaTo = (meta: ObjectMeta, revision: number) => ({
  name: meta.name,
  namespace: meta.namespace,
  uid: meta.uid,
  labels: meta.labels,
  annotations: meta.annotations,
  revision,
  creationTimestamp: timestampOf(Date.parse(meta.creationTimestamp)),
})

/** `namespace/name`, the namespace defaulted. */
export const keyFrom = (request: { readonly namespace: string; readonly name: string }): string =>
  `${request.namespace || DEFAULT_NAMESPACE}/${request.name}`
