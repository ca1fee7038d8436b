/** What `sluice explain` says of a connection or a datagram, for people. */
import type { FlowExplanation, FlowRule } from '../../engine/explain/flow-explanation.ts'
import { endpointLine, row } from './page-parts.ts'
import { printableTexts } from './printable.ts'
import { PLAIN_STYLE, type Style } from './style.ts'

/** Lines without a line end at the last. Nothing in it moves a cursor. */
export function flowText(explanation: FlowExplanation, style: Style = PLAIN_STYLE): string {
  const told = printableTexts(explanation)
  return [...heading(told, style), ...rules(told, style), '', ...outcome(told, style)].join('\n')
}

function heading({ listener, protocol, client, ...told }: FlowExplanation, { strong, faint }: Style): string[] {
  const decrypted = told.isDecrypted ? ', decrypted here' : ''
  return [
    row('listener', strong(listener.name) + faint(`, ${listener.reason}`)),
    row('protocol', protocol + decrypted),
    ...(protocol === 'tcp' ? [row('begins', beginning(told))] : []),
    row('client', client),
  ]
}

function beginning({ begins, serverName, alpn }: Pick<FlowExplanation, 'begins' | 'serverName' | 'alpn'>): string {
  if (begins === 'http') return 'with a request in plain text'
  if (begins === 'none') return 'with nothing that is known'
  const offers = alpn.length === 0 ? '' : `, ALPN ${alpn.join(', ')}`
  return `with a handshake for ${serverName === '' ? 'no name' : serverName}${offers}`
}

function rules({ rules }: FlowExplanation, style: Style): string[] {
  if (rules.length === 0) return []
  const width = Math.max(...rules.map(({ rule }) => rule.length))
  return ['', style.strong('rules, in their order'), ...rules.map(rule => ruleLine(rule, width, style))]
}

function ruleLine({ rule, upstream, fits, chosen }: FlowRule, width: number, style: Style): string {
  const mark = chosen ? style.good('✓') : fits ? style.faint('·') : style.bad('✗')
  const verdict = chosen ? 'chosen' : fits ? style.faint('fits too; the first one counts') : 'does not fit'
  return `  ${mark} ${rule.padEnd(width)}  ${verdict}, to ${upstream}`
}

function outcome({ upstream, error }: FlowExplanation, { strong, faint, bad, good }: Style): string[] {
  const failure = error === '' ? [] : [row('error', bad(error))]
  if (upstream === null) return [row('upstream', `${bad('none')}: it is closed`), ...failure]
  const { name, reason, endpoint, endpointReason, endpoints, tls, balance } = upstream
  const width = Math.max(0, ...endpoints.map(one => one.name.length))
  return [
    row('upstream', strong(name) + (reason === '' ? '' : faint(`, ${reason}`))),
    row('endpoint', (endpoint === '' ? bad('none') : strong(endpoint)) + faint(`, ${endpointReason}`)),
    ...endpoints.map(one => endpointLine(one, width, { bad, good })),
    ...(tls ? [row('sends', 'encrypted, over TLS')] : []),
    row('balance', balance),
    ...failure,
  ]
}
