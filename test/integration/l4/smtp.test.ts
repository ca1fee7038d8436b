import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../../support/certificates.ts'
import { type MailServer, mailServer } from '../../support/mail-server.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let server: MailServer
let proxy: TestProxy
let first = 0

beforeAll(async () => {
  const authority = await createAuthority()
  folder = await temporaryFolder()
  await writeFile(folder.file('ca.pem'), authority.certificate)
  server = await mailServer(await authority.issue({ names: ['127.0.0.1'] }))
  proxy = await startTestProxy({ tcpListeners: [{}], upstreams: { mail: [server.address] } })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await server.close()
  await folder[Symbol.asyncDispose]()
})
beforeEach(() => {
  first = server.mails.length
})

/** curl delivers a mail through the proxy. */
async function deliver(text: string, ...args: string[]): Promise<void> {
  await writeFile(folder.file('mail'), text)
  const addresses = ['--mail-from', 'a@example.com', '--mail-rcpt', 'b@example.com', '--mail-rcpt', 'c@example.com']
  const from = ['--upload-file', folder.file('mail'), '--crlf']
  const url = `smtp://127.0.0.1:${proxy.port}/client.example`
  await promisify(execFile)('curl', [
    '--silent',
    '--show-error',
    '--max-time',
    '10',
    ...addresses,
    ...from,
    ...args,
    url,
  ])
}

describe('a mail server, which speaks first, behind a listener of TCP', () => {
  it('is greeted with what it says, and has a whole dialogue', async () => {
    await deliver('Subject: hello\n\nHow are you?\n')
    expect(server.mails.slice(first)).toEqual(['Subject: hello\n\nHow are you?'])
    expect(server.dialogues.at(-1)).toEqual([
      'EHLO client.example',
      expect.stringMatching(/^MAIL FROM:<a@example\.com>/),
      'RCPT TO:<b@example.com>',
      'RCPT TO:<c@example.com>',
      'DATA',
      'QUIT',
    ])
  })

  it('turns to TLS in the middle, which the client finds to be its own', async () => {
    await deliver('Subject: secret\n\nHush.\n', '--ssl-reqd', '--cacert', folder.file('ca.pem'))
    expect(server.mails.slice(first)).toEqual(['Subject: secret\n\nHush.'])
    const dialogue = server.dialogues.at(-1) ?? []
    expect(dialogue.slice(0, 3)).toEqual(['EHLO client.example', 'STARTTLS', '🔒 EHLO client.example'])
    expect(dialogue.slice(3).every(line => line.startsWith('🔒 '))).toBe(true)
  })

  it('takes a mail of 5 MB', async () => {
    const line = `${'x'.repeat(70)}\n`
    const text = `Subject: large\n\n${line.repeat(70_000)}`
    await deliver(text)
    expect(server.mails.at(-1) === text.trimEnd()).toBe(true)
  })
})
