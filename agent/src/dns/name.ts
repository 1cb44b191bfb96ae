/**
 * A domain name in wire form (RFC 1035 section 3.1), one character per byte, the
 * root label included: `\x03www\x07example\x00`. Made for comparing and as a key;
 * those of the zone are in lower case.
 */
export type Name = string

export const ROOT: Name = '\0'

const MAX_LABEL_BYTES = 63
const MAX_NAME_BYTES = 255

/** One label in wire form, in lower case. */
export const label = (text: string): string => String.fromCharCode(text.length) + text.toLowerCase()

/**
 * Reads the text form of a name (RFC 1035 section 5.1: `\.`, `\\`, `\065`), with or
 * without the dot at the end. Undefined for what is no name: an empty or too long
 * label, more than 255 bytes, characters beyond 255.
 */
export function parseName(text: string): Name | undefined {
  if (text === '.') return ROOT
  const labels: string[] = []
  let current = ''
  for (const [, escaped, dot, plain] of text.matchAll(/(\\\d{3}|\\[^\d])|(\.)|([\s\S])/g)) {
    if (dot !== undefined) {
      labels.push(current)
      current = ''
    } else current += plain ?? unescaped(escaped ?? '')
  }
  if (current !== '') labels.push(current)
  if (!labels.every(isLabel)) return undefined
  const name = `${labels.map((one) => String.fromCharCode(one.length) + one).join('')}\0`
  return name.length <= MAX_NAME_BYTES && labels.length > 0 ? name : undefined
}

/** The text form of a name, with the dot at the end. */
export function printName(name: Name): string {
  if (name === ROOT) return '.'
  let text = ''
  for (let at = 0; at < name.length - 1; at += 1 + name.charCodeAt(at)) {
    text += `${escaped(name.slice(at + 1, at + 1 + name.charCodeAt(at)))}.`
  }
  return text
}

/** The name without its first label. The root is its own parent. */
export const parentOf = (name: Name): Name =>
  name === ROOT ? ROOT : name.slice(1 + name.charCodeAt(0))

/** The name and all names above it, up to the root. */
export function* suffixesOf(name: Name): Generator<Name> {
  for (let at = name; ; at = parentOf(at)) {
    yield at
    if (at === ROOT) return
  }
}

function isLabel(text: string): boolean {
  if (text.length < 1 || text.length > MAX_LABEL_BYTES) return false
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 255) return false
  return true
}

function unescaped(text: string): string {
  // What is beyond 255 is refused as a label.
  return text.length === 4 ? String.fromCharCode(Number(text.slice(1))) : text.slice(1)
}

const escaped = (text: string): string =>
  text.replace(/[^!-~]|[.\\"();@$]/g, (char) => {
    const code = char.charCodeAt(0)
    return code > 32 && code < 127 ? `\\${char}` : `\\${String(code).padStart(3, '0')}`
  })
