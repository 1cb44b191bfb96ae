import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{proto,server,client,agent,cli}/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 20_000,
    reporters: process.env.CI ? ['default', 'json'] : ['default'],
    outputFile: { json: 'coverage/tests.json' },
  },
})
