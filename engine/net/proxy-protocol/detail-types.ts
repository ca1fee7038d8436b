/** What stands behind the addresses in version 2 (proxy-protocol.txt, section 2.2): each has a type, a length of two bytes, a value. */

/** Bytes of type and length. */
export const DETAIL_HEADER_BYTES = 3

export const ALPN = 0x01
export const AUTHORITY = 0x02
/** Of the whole header, in which its own bytes count as zeros. */
export const CRC32C = 0x03
export const UNIQUE_ID = 0x05
/** A byte of flags, four of the outcome of the verification, and details of its own. */
export const SSL = 0x20
export const SSL_VERSION = 0x21
export const SSL_COMMON_NAME = 0x22
export const SSL_CIPHER = 0x23
export const NETWORK_NAMESPACE = 0x30
/** Of operators of private networks. */
export const GCP = 0xe0
export const AWS = 0xea
export const AZURE = 0xee

/** Flags of `SSL`: encrypted; with a certificate on this connection; with one when the session that it takes up began. */
export const CLIENT_SSL = 0x01
export const CLIENT_CERTIFICATE_NOW = 0x02
export const CLIENT_CERTIFICATE_EARLIER = 0x04

/** Bytes of flags and outcome. */
export const SSL_HEADER_BYTES = 5

export const CHECKSUM_BYTES = 4

/** Bytes of a `UNIQUE_ID`. */
export const UNIQUE_ID_BYTES_MAX = 128
