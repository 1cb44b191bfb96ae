import { describe, expect, it } from 'vitest'
import { details, LiveTable, printFew, table } from './table.ts'

describe('table', () => {
  it('sets columns three spaces apart, six wide at least, and nothing after the last', () => {
    expect(
      table([
        ['NAME', 'N', 'AGE'],
        ['a-long-name', '1', '5s'],
      ]),
    ).toBe('NAME          N     AGE\na-long-name   1     5s\n')
  })
})

describe('LiveTable', () => {
  it('widens a column for the rows that follow', () => {
    const live = new LiveTable([4, 3])
    expect(live.row(['ab', 'x'])).toBe('ab     x\n')
    expect(live.row(['abcdefgh', 'x'])).toBe('abcdefgh   x\n')
    expect(live.row(['ab', 'x'])).toBe('ab         x\n')
  })
})

describe('details', () => {
  it('sets values in one column, several below each other, and says when there are none', () => {
    expect(
      details([
        ['Name', 'web'],
        ['Labels', ['a=1', 'b=2']],
        ['Annotations', []],
      ]),
    ).toBe('Name:         web\nLabels:       a=1\n              b=2\nAnnotations:  <none>\n')
  })
})

describe('printFew', () => {
  it.each([
    [[], '<none>'],
    [['a', 'b', 'c'], 'a,b,c'],
    [['a', 'b', 'c', 'd', 'e'], 'a,b,c + 2 more...'],
  ])('of %j is %s', (values, text) => {
    expect(printFew(values, '<none>')).toBe(text)
  })
})
