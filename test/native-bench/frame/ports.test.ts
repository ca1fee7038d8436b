import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { isBoundUdp, receiving } from '../../../native-bench/frame/ports.ts'

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
  120: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0 0
 1121: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0 0
 1122: 0200007F:0050 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 13 2 0 0
 1123: 0100007F:2345 0100007F:0051 01 00000000:00000000 00:00000000 00000000     0        0 14 2 0 0
`

it('finds who takes datagrams at a port of 127.0.0.1 in the table of the system', () => {
  expect([8080, 53, 80, 81].map(port => isBoundUdp(TABLE, port))).toEqual([true, true, false, false])
})

it('waits until somebody takes datagrams, and no longer than it may', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await receiving(port, 1000, () => null)
  socket.close()
  await once(socket, 'close')
  await expect(receiving(port, 1000, () => 'it has ended')).rejects.toThrow('it has ended')
  await expect(receiving(port, 0, () => null)).rejects.toThrow('nothing takes datagrams on its port')
})
