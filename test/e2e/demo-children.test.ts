import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Children, within } from '../../examples/src/demo/children.ts'

let directory: string
let children: Children

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'roster-demo-test-'))
  children = new Children()
})

afterEach(async () => {
  await children.stopAll(0)
  rmSync(directory, { recursive: true, force: true })
})

const start = (source: string) => {
  const file = join(directory, 'program.mjs')
  writeFileSync(file, source)
  return children.start({ name: 'greeter-1', file })
}

const never = new AbortController().signal

/** Resolves when the child has logged nothing for ten times as long as it does otherwise. */
async function untilQuiet(child: ReturnType<typeof start>, signal: AbortSignal): Promise<void> {
  const quiet = AbortSignal.any([signal, AbortSignal.timeout(200)])
  const said = await child.line(/./, quiet).catch(() => undefined)
  signal.throwIfAborted()
  if (said) await untilQuiet(child, signal)
}

describe('the processes of the demo', () => {
  it('are told apart by what their first matching log line says', async () => {
    const child = start(`console.log('hello\\nport 17'); setInterval(() => {}, 1000)`)

    const match = await child.line(/port (\d+)/, never)

    expect(match[1]).toBe('17')
  })

  it('fail the demo with their last log lines when one ends unasked', async () => {
    const child = start(`console.error('no such port'); process.exitCode = 3`)
    await child.exited

    expect(children.failure.reason.message).toBe(
      'greeter-1 ended by itself with exit code 3\nlast log lines of greeter-1:\n  no such port',
    )
  })

  it('do not fail the demo when they end because they were asked to', async () => {
    const child = start(`console.log('up'); setInterval(() => {}, 1000)`)
    await child.line(/up/, never)

    const { how } = await child.stop(5_000)

    expect(how).toBe('signal SIGTERM')
    expect(children.failure.aborted).toBe(false)
  })

  it('are made to end when they do not do so in time', async () => {
    const child = start(
      `process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)`,
    )
    await child.line(/up/, never)

    const { how } = await child.stop(50)

    expect(how).toBe('signal SIGKILL')
  })

  it('do not fail the demo when they are killed', async () => {
    const child = start(`console.log('up'); setInterval(() => {}, 1000)`)
    await child.line(/up/, never)

    const { how } = await child.kill()

    expect(how).toBe('signal SIGKILL')
    expect(children.failure.aborted).toBe(false)
  })

  it('say nothing while they are frozen, and go on afterwards', async () => {
    const child = start(`let n = 0; setInterval(() => console.log(++n), 20)`)
    await child.line(/1/, never)
    child.freeze()
    // What it had said before may still be in the pipe.
    await within(
      5_000,
      () => 'it is not silent',
      never,
      (signal) => untilQuiet(child, signal),
    )
    const more = child.line(/./, never)
    child.thaw()

    await expect(more).resolves.toBeDefined()
  })

  it('can be asked to end while they are frozen', async () => {
    const child = start(`console.log('up'); setInterval(() => {}, 1000)`)
    await child.line(/up/, never)
    child.freeze()

    const { how } = await child.stop(5_000)

    expect(how).toBe('signal SIGTERM')
  })
})

describe('a wait with a deadline', () => {
  it('fails past it with what is then wrong', async () => {
    const child = start('setInterval(() => {}, 1000)')

    const waiting = within(
      50,
      () => 'nothing came',
      never,
      (signal) => child.line(/up/, signal),
    )

    await expect(waiting).rejects.toThrow('nothing came')
  })

  it('fails at once with the reason it is broken off for', async () => {
    const end = new AbortController()
    const child = start('setInterval(() => {}, 1000)')
    const waiting = within(
      60_000,
      () => 'nothing came',
      end.signal,
      (signal) => child.line(/up/, signal),
    )

    end.abort(new Error('interrupted'))

    await expect(waiting).rejects.toThrow('interrupted')
  })
})
