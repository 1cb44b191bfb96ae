/** `word` is a key, a value or one of the words in and notin: which, its place decides. */
export type TokenKind = 'word' | 'end' | '(' | ')' | ',' | '!' | '=' | '==' | '!=' | '>' | '<'

export interface Token {
  readonly kind: TokenKind
  /** As written; '' at the end. */
  readonly text: string
  /** Where it starts, counted in characters from 0. */
  readonly at: number
}

const SPACE = /[ \t\r\n]+/y
const SYMBOL = /[=!]=|[=!(),<>]/y
const WORD = /[^ \t\r\n=!(),<>]+/y

/**
 * Cuts a label selector into tokens, `end` the last (apimachinery labels.Lexer).
 * Every text has tokens: what may stand in a word is for the grammar to say.
 */
export function lexSelector(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const taken = pattern.exec(text)?.[0] ?? ''
    at += taken.length
    return taken
  }
  for (;;) {
    take(SPACE)
    const start = at
    if (start === text.length) break
    const symbol = take(SYMBOL)
    if (symbol !== '') tokens.push({ kind: symbol as TokenKind, text: symbol, at: start })
    else tokens.push({ kind: 'word', text: take(WORD), at: start })
  }
  tokens.push({ kind: 'end', text: '', at: text.length })
  return tokens
}
