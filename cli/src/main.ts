#!/usr/bin/env node
import { text } from 'node:stream/consumers'
import { run } from './program.ts'
import type { Terminal } from './terminal.ts'

// Who runs a command cannot act on what its libraries will give up one day.
process.noDeprecation = true

const stop = new AbortController()

const terminal: Terminal = {
  env: process.env,
  now: () => Date.now(),
  out: (chunk) => process.stdout.write(chunk),
  err: (chunk) => process.stderr.write(chunk),
  input: () => text(process.stdin),
  stopSignal: () => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
    return stop.signal
  },
}

// The reader of a pipe went away (roster watch | head): nobody is left to work for.
process.stdout.on('error', () => process.exit(0))

process.exitCode = await run(process.argv.slice(2), terminal)
