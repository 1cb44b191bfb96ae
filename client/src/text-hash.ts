/**
 * 32-bit hash of a text, another one for each seed: FNV-1a over its UTF-16 units, with
 * a final mix so that texts that differ in the last letter are far apart. It is the
 * same in every process, for ever: clients that hash alike must agree.
 */
export function hashText(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return (hash ^ (hash >>> 16)) >>> 0
}
