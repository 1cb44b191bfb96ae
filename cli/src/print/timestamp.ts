import type { ObjectMeta__Output } from '@roster/proto'

/** google.protobuf.Timestamp as it is read. */
export type Timestamp__Output = NonNullable<ObjectMeta__Output['creationTimestamp']>

/** Milliseconds since 1970. */
export const milliseconds = (t: Timestamp__Output): number => t.seconds * 1000 + t.nanos / 1e6

/** RFC 3339 in whole seconds, as Kubernetes writes it; undefined for none. */
export const rfc3339 = (t: Timestamp__Output | null): string | undefined =>
  t === null ? undefined : new Date(t.seconds * 1000).toISOString().replace('.000Z', 'Z')

/** RFC 3339 in milliseconds, for events; undefined for none. */
export const rfc3339Ms = (t: Timestamp__Output | null): string | undefined =>
  t === null ? undefined : new Date(milliseconds(t)).toISOString()
