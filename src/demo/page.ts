import type { OriginIdentity } from './origin.ts'

/** The page of the demonstration: one document, nothing loaded from elsewhere. */
export function page({ name, color }: OriginIdentity): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<body style="--origin: ${color}">
<header>
  <h1>Sluice</h1>
  <p>This page came from the origin <b class="badge">${name}</b> through the proxy. Reload it: another one answers.</p>
</header>
<main>
  <section>
    <h2>Round robin</h2>
    <p>Requests to <code>/whoami</code>, and who answered.</p>
    <div id="shares"></div>
    <button data-count="1">1 request</button> <button data-count="30">30 requests</button>
  </section>
  <section>
    <h2>Server-sent events</h2>
    <p>A clock at the origin, one event a second from <code>/events</code>.</p>
    <p class="clock" id="clock">--:--:--</p>
    <p class="faint" id="clock-note">connecting</p>
  </section>
  <section>
    <h2>WebSocket</h2>
    <p>A tunnel to <code>/ws</code>: the origin sends back what you send.</p>
    <form id="chat"><input id="message" value="hello through the tunnel" autocomplete="off"><button>Send</button></form>
    <pre id="socket-log" class="short"></pre>
  </section>
  <section class="wide">
    <h2>Routes</h2>
    <p id="routes"></p>
    <pre id="answer">Choose one.</pre>
  </section>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`
}

const STYLE = `
  :root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --ink: #1c2330; --faint: #6b7484; --line: #dfe3ea; }
  @media (prefers-color-scheme: dark) {
    :root { --back: #12151b; --card: #1b2029; --ink: #e8ebf1; --faint: #939cac; --line: #2c333f; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
    border-top: 6px solid var(--origin); }
  header, main { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
  header { padding-top: 2.25rem; padding-bottom: 1rem; }
  h1 { margin: 0; font-size: 2.4rem; letter-spacing: -0.03em; }
  h2 { margin: 0 0 0.25rem; font-size: 1.1rem; }
  p { margin: 0 0 0.75rem; }
  main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); padding-bottom: 3rem; }
  section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.25rem;
    min-width: 0; }
  .wide { grid-column: 1 / -1; }
  .badge { background: var(--origin); color: #fff; border-radius: 999px; padding: 0.1rem 0.7rem; }
  .faint { color: var(--faint); font-size: 0.9rem; margin: 0; }
  .clock { font: 600 2.6rem/1.2 ui-monospace, monospace; margin: 0; }
  button { font: inherit; border: 1px solid var(--line); border-radius: 8px; background: var(--back); color: inherit;
    padding: 0.3rem 0.8rem; margin: 0.15rem 0; cursor: pointer; }
  button:hover { border-color: var(--origin); }
  input { font: inherit; flex: 1; min-width: 0; border: 1px solid var(--line); border-radius: 8px; padding: 0.3rem 0.6rem;
    background: var(--back); color: inherit; }
  form { display: flex; gap: 0.5rem; align-items: center; }
  pre { margin: 0.75rem 0 0; padding: 0.75rem; border-radius: 8px; background: var(--back); overflow: auto;
    max-height: 24rem; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
  .short { height: 6.5rem; }
  .share { display: grid; grid-template-columns: 4.5rem 1fr 2.5rem; gap: 0.6rem; align-items: center; }
  .share i { height: 0.8rem; border-radius: 999px; min-width: 2px; }
  .share span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
  #shares { min-height: 5rem; margin-bottom: 0.6rem; }
`

const SCRIPT = `
  const byId = id => document.getElementById(id)

  const counts = new Map()
  function drawShares() {
    const most = Math.max(...[...counts.values()].map(share => share.requests))
    byId('shares').replaceChildren(...[...counts].sort().map(([name, share]) => {
      const row = document.createElement('div')
      row.className = 'share'
      const bar = document.createElement('i')
      bar.style.background = share.color
      bar.style.width = (100 * share.requests) / most + '%'
      const label = document.createElement('span')
      label.textContent = name
      const number = document.createElement('span')
      number.textContent = share.requests
      row.append(label, bar, number)
      return row
    }))
  }
  async function ask() {
    const { origin, color } = await (await fetch('/whoami')).json()
    const share = counts.get(origin) ?? { color, requests: 0 }
    share.requests++
    counts.set(origin, share)
    drawShares()
  }
  for (const button of document.querySelectorAll('[data-count]')) {
    button.onclick = async () => { for (let left = Number(button.dataset.count); left > 0; left--) await ask() }
  }

  const events = new EventSource('/events')
  events.onmessage = ({ data }) => {
    const { time, origin } = JSON.parse(data)
    byId('clock').textContent = new Date(time).toLocaleTimeString([], { hour12: false })
    byId('clock-note').textContent = 'from ' + origin
  }
  events.onerror = () => { byId('clock-note').textContent = 'connecting again' }

  function note(text) {
    const log = byId('socket-log')
    log.textContent += text + '\\n'
    log.scrollTop = log.scrollHeight
  }
  let socket
  function connect() {
    socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/ws')
    socket.onopen = () => note('open')
    socket.onmessage = ({ data }) => note('\\u2190 ' + data)
    socket.onclose = ({ code }) => note('closed, ' + code)
  }
  connect()
  byId('chat').onsubmit = event => {
    event.preventDefault()
    if (socket.readyState > WebSocket.OPEN) return connect()
    if (socket.readyState < WebSocket.OPEN) return
    const { value } = byId('message')
    note('\\u2192 ' + value)
    socket.send(value)
  }

  const routes = [
    ['GET', '/whoami'], ['GET', '/teapot'], ['GET', '/headers/anything'], ['POST', '/echo', 'some content'],
    ['GET', '/slow?ms=1500'], ['GET', '/status/503'], ['GET', '/nothing-here'], ['GET', '/large?mib=8'],
  ]
  async function run([method, target, body]) {
    byId('answer').textContent = method + ' ' + target + ' ...'
    const startedAt = performance.now()
    try {
      const response = await fetch(target, { method, body })
      const head = 'HTTP ' + response.status + ' ' + response.statusText + '\\n'
        + [...response.headers].map(([name, value]) => name + ': ' + value).join('\\n')
      const content = await response.text()
      const shown = content.length > 4000 ? content.length + ' characters' : content
      byId('answer').textContent = head + '\\n\\n' + shown + '\\n\\n' + (performance.now() - startedAt).toFixed(0) + ' ms'
    } catch (error) {
      byId('answer').textContent = String(error)
    }
  }
  for (const route of routes) {
    const button = document.createElement('button')
    button.textContent = route[0] + ' ' + route[1]
    button.onclick = () => run(route)
    byId('routes').append(button, ' ')
  }
`
