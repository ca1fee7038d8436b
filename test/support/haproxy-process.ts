import { writeFile } from 'node:fs/promises'
import { type PeerProcess, startPeerProcess } from './peer-process.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

function configuration(sections: string): string {
  return `
global
  nbthread 1
  maxconn 4000

defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s

${sections}
`
}

/**
 * HAProxy in a process of its own with these sections (`frontend`, `backend`, `listen`). It is there when `port` of 127.0.0.1
 * accepts; its files are in `folder`, which must outlive it.
 */
export async function haproxyProcess(folder: TemporaryFolder, sections: string, port: number): Promise<PeerProcess> {
  const path = folder.file('haproxy.cfg')
  await writeFile(path, configuration(sections))
  // `-db`: one process, in the foreground.
  return await startPeerProcess({ command: 'haproxy', args: ['-db', '-f', path], port })
}
