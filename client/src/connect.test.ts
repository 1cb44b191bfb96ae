import { describe, expect, it } from 'vitest'
import { connectRoster, type RosterOptions } from './connect.ts'

describe('a connection', () => {
  it.each(['', 'http://registry:7400', 'two words', 'registry:99999'])(
    'to "%s" is refused with what an address is',
    (address) => {
      expect(() => connectRoster(address)).toThrow(`address "${address}" of the registry: expected`)
    },
  )

  it('is refused a listener that is none', () => {
    const onEvent = 'log' as unknown as NonNullable<RosterOptions['onEvent']>
    expect(() => connectRoster('127.0.0.1:1', { onEvent })).toThrow('onEvent')
  })

  it('that is closed hands out no channels and follows nothing', async () => {
    const roster = connectRoster('127.0.0.1:1')
    await roster.close()
    const closed = { code: 'FAILED_PRECONDITION' }
    expect(() => roster.channel('shop/web')).toThrow('the connection is closed')
    await expect(roster.ready('shop/web')).rejects.toMatchObject(closed)
    const next = async () => {
      for await (const set of roster.endpoints('shop/web').watch()) return set
      return undefined
    }
    await expect(next()).rejects.toMatchObject(closed)
  })

  it('refuses a target that is no text', () => {
    const roster = connectRoster('127.0.0.1:1')
    expect(() => roster.endpoints(undefined as unknown as string)).toThrow('must be a string')
    return roster.close()
  })

  it('goes on when a listener throws, and warns of it', async () => {
    const warned = new Promise<string>((resolve) =>
      process.once('warning', ({ message }) => resolve(message)),
    )
    const roster = connectRoster('127.0.0.1:1', {
      onEvent: () => {
        throw new Error('no such logger')
      },
    })
    await expect(roster.ready('shop/web', { timeoutMs: 500 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    })
    expect(await warned).toMatch(/onEvent threw at watch_broken: Error: no such logger/)
    await roster.close()
  })
})
