import { describe, expect, it } from 'vitest'
import { checkExposure, DEFAULT_CONFIG } from './config.ts'

describe('checkExposure', () => {
  it.each(['127.0.0.1:0', '127.9.9.9:7400', '[::1]:7400', 'localhost:7400'])(
    'lets %s be open, which only this machine reaches',
    (listen) => {
      expect(() => checkExposure({ ...DEFAULT_CONFIG, listen })).not.toThrow()
    },
  )

  it.each(['0.0.0.0:7400', '[::]:7400', '10.0.0.1:7400', 'registry.infra:7400'])(
    'refuses %s, which others reach, unless somebody says how it is guarded',
    (listen) => {
      const open = { ...DEFAULT_CONFIG, listen }
      expect(() => checkExposure(open)).toThrow(`listen ${listen} is reachable by others`)
      expect(() => checkExposure({ ...open, token: 't' })).not.toThrow()
      expect(() => checkExposure({ ...open, insecure: true })).not.toThrow()
    },
  )
})
