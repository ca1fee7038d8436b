import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { type Listening, listenOn } from './listen.ts'

export interface MailServer extends Listening {
  /** The mails that came, with their lines as they were sent. */
  readonly mails: readonly string[]
  /** The commands of each connection, behind `STARTTLS` with a lock before them. */
  readonly dialogues: readonly (readonly string[])[]
}

/**
 * Speaks enough of SMTP (RFC 5321) for mails to be delivered, and STARTTLS (RFC 3207): it greets first, as all of them do, and says
 * nothing before it has been asked.
 */
export async function mailServer(tls: { readonly chain: string; readonly key: string }): Promise<MailServer> {
  const context = createSecureContext({ cert: tls.chain, key: tls.key })
  const mails: string[] = []
  const dialogues: string[][] = []

  async function talk(socket: Socket): Promise<void> {
    const dialogue: string[] = []
    dialogues.push(dialogue)
    let wire: Socket = socket
    const say = (...lines: string[]) => wire.write(lines.map(line => `${line}\r\n`).join(''))
    let reader = lineReader(wire)
    say('220 mail.example ESMTP')
    for (;;) {
      const line = await reader()
      if (line === null) return
      const secure = wire instanceof TLSSocket
      dialogue.push(secure ? `🔒 ${line}` : line)
      const command = line.split(/[ :]/)[0]?.toUpperCase() ?? ''
      if (command === 'EHLO') say('250-mail.example', ...(secure ? [] : ['250-STARTTLS']), '250 8BITMIME')
      else if (command === 'STARTTLS') {
        say('220 go ahead')
        wire = new TLSSocket(wire, { isServer: true, secureContext: context })
        await once(wire, 'secure')
        reader = lineReader(wire)
      } else if (command === 'DATA') {
        say('354 end with a dot')
        mails.push(await readMail(reader))
        say('250 taken')
      } else if (command === 'QUIT') {
        say('221 bye')
        wire.end()
        return
      } else say('250 fine')
    }
  }

  const server = createServer(socket => {
    socket.on('error', () => {})
    talk(socket).catch(error => socket.destroy(error as Error))
  })
  return { ...(await listenOn(server)), mails, dialogues }
}

type LineReader = () => Promise<string | null>

/** The lines of a connection, one at a time; null at its end. It takes no more from the connection than what has come. */
function lineReader(socket: Socket): LineReader {
  let text = ''
  let isEnded = false
  socket.setEncoding('latin1')
  return async () => {
    for (;;) {
      const end = text.indexOf('\r\n')
      if (end >= 0) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        return line
      }
      if (isEnded) return null
      const chunk = socket.read() as string | null
      if (chunk !== null) text += chunk
      else isEnded = await ended(socket)
    }
  }
}

/** Resolves with false when there is more to be read. */
async function ended(socket: Socket): Promise<boolean> {
  if (socket.readableEnded || socket.destroyed) return true
  const over = new AbortController()
  const { signal } = over
  const more = once(socket, 'readable', { signal }).then(() => false)
  const end = once(socket, 'close', { signal }).then(() => true)
  return await Promise.race([more, end]).finally(() => over.abort())
}

async function readMail(reader: LineReader): Promise<string> {
  const lines: string[] = []
  for (;;) {
    const line = await reader()
    if (line === null || line === '.') return lines.join('\n')
    lines.push(line)
  }
}
