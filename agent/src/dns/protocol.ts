/** Record and query types (IANA DNS parameters) that are treated by name. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DNAME: 39,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

export const CLASS_IN = 1

/** Response codes (RFC 1035 section 4.1.1, RFC 6891 section 9). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const

export type Rcode = number

/** Bits of the second word of the header. */
export const FLAG = {
  QR: 0x8000,
  OPCODE: 0x7800,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  CD: 0x0010,
} as const

export const HEADER_BYTES = 12
/** Greatest UDP message without EDNS (RFC 1035 section 4.2.1). */
export const PLAIN_UDP_BYTES = 512
/** Greatest UDP message that passes every network unfragmented (DNS Flag Day 2020). */
export const MAX_UDP_BYTES = 1232
export const MAX_TCP_BYTES = 65_535
