import fc from 'fast-check'
import { expect, it } from 'vitest'
import { frame, MessageReader } from './tcp-framing.ts'

it('messages come out as they went in, however the bytes are cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 })
  fc.assert(
    fc.property(messages, fc.array(fc.nat(400)), (sent, cuts) => {
      const received: Buffer[] = []
      const reader = new MessageReader((message) => received.push(Buffer.from(message)))
      let bytes = Buffer.concat(sent.map(frame))
      for (const cut of cuts) {
        reader.push(bytes.subarray(0, cut))
        bytes = bytes.subarray(cut)
      }
      reader.push(bytes)
      expect(received).toEqual(sent.map((message) => Buffer.from(message)))
    }),
  )
})
