/**
 * Puts a YAML document separator between the objects of a JSON stream, `{…}{…}`,
 * which kubectl reads and YAML does not. Any other text comes back as it is.
 */
export function separateJson(text: string): string {
  if (!text.trimStart().startsWith('{')) return text
  let depth = 0
  let end = 0
  let separated = ''
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}]/gs)) {
    if (token === '{' && depth === 0 && text.slice(end, index).trim() === '' && end > 0) {
      separated += '\n---\n'
    }
    if (token === '{') depth++
    if (token === '}') depth--
    separated += text.slice(end, index + token.length)
    end = index + token.length
  }
  return separated + text.slice(end)
}
