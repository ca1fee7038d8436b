import { Command, Option } from 'commander'
import { ExplainError } from '../../engine/explain/explain-error.ts'
import type { Explanation } from '../../engine/explain/explanation.ts'
import type { FlowExplanation } from '../../engine/explain/flow-explanation.ts'
import type { FlowDescription } from '../explain/flow-spec.ts'
import type { RequestDescription } from '../explain/request-spec.ts'
import { paintFor } from './colours.ts'
import { configurationOption } from './configuration-option.ts'
import { UsageError } from './exit-codes.ts'
import { styleOf } from './explanation-style.ts'
import { ask, type InstanceOptions, requireInstance } from './find-instance.ts'
import { withExamples } from './help.ts'

/** `sluice explain`: why a request goes where it goes. */

interface Options extends InstanceOptions {
  readonly header: readonly string[]
  readonly from: string
  readonly clientCert: readonly string[]
  readonly listener?: string
  readonly alpn: readonly string[]
  readonly live?: boolean
  readonly all?: boolean
  readonly json?: boolean
}

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('say where a request goes, and why: every route, what it has against the request, what is changed')
    .argument(
      '<METHOD_URL...>',
      'such as GET https://api.example.com/v1/users/7; without a method GET; or tls://NAME:PORT, tcp://:PORT, udp://:PORT',
    )
    .addOption(configurationOption())
    .addOption(
      new Option('-H, --header <FIELD>', "a field of the request, such as 'x-version: 2'")
        .default([], 'none')
        .argParser(gather),
    )
    .addOption(new Option('--from <ADDRESS>', "the client's address").default('127.0.0.1'))
    .addOption(
      new Option(
        '--client-cert <KEY=VALUE>',
        "what the client's certificate says: subject, issuer, serial, fingerprint, san",
      )
        .default([], 'none')
        .argParser(gather),
    )
    .addOption(new Option('--listener <NAME>', 'the listener (default: the one that has the port of the URL)'))
    .addOption(
      new Option('--alpn <PROTOCOL>', 'with tls://, a protocol that the handshake offers')
        .default([], 'none')
        .argParser(gather),
    )
    .addOption(new Option('--live', 'ask the running instance: its configuration, and how its endpoints do now'))
    .addOption(new Option('--control <PATH>', "the running instance's control socket, with --live"))
    .addOption(new Option('--all', 'list every route, however many there are'))
    .addOption(new Option('--json', 'the whole of it as JSON'))
    .action(async (words: string[], options: Options) => {
      const explanation = await explain(words, options)
      process.stdout.write(`${await textOf(explanation, options)}\n`)
    })
  return withExamples(command, [
    "explain GET https://api.example.com/v1/users/7 -H 'x-version: 2'",
    'explain http://localhost:8080/checkout --from 10.1.2.3 --live',
    'explain POST http://localhost:8080/v1/users --json',
    'explain tls://db.example.com:9443 --alpn h2',
    'explain https://localhost:8443/ --client-cert subject=CN=alice --client-cert san=alice.example.com',
  ])
}

function gather(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

type Description = RequestDescription | FlowDescription

async function explain(words: readonly string[], options: Options): Promise<Explanation | FlowExplanation> {
  if (options.control !== undefined && !options.live) throw new UsageError('--control is for --live')
  const description = await describe(words, options)
  return options.live ? await askInstance(options, description) : await explainFile(options, description)
}

/** What is wrong with the words of the command is told before anything is tried. */
async function describe(words: readonly string[], options: Options): Promise<Description> {
  const [
    { parseFieldLine, parseRequestLine, readDescription, RequestSpecError },
    { parseCertificateParts },
    { isFlowUrl, readFlowDescription },
  ] = await Promise.all([
    import('../explain/request-spec.ts'),
    import('../explain/certificate-spec.ts'),
    import('../explain/flow-spec.ts'),
  ])
  const { header, from, listener, clientCert, alpn } = options
  try {
    const url = words.join(' ')
    if (isFlowUrl(url)) {
      if (header.length + clientCert.length > 0) throw new UsageError('-H and --client-cert are for requests')
      const flow = { url, alpn, from, ...(listener ? { listener } : {}) }
      readFlowDescription(flow)
      return flow
    }
    if (alpn.length > 0) throw new UsageError('--alpn is for tls://')
    const headers = header.map(parseFieldLine)
    const certificate = clientCert.length === 0 ? {} : { certificate: parseCertificateParts(clientCert) }
    const request = parseRequestLine(url)
    const description = { ...request, headers, from, ...certificate, ...(listener ? { listener } : {}) }
    readDescription(description)
    return description
  } catch (error) {
    throw error instanceof RequestSpecError ? await usageError(error) : error
  }
}

async function explainFile({ config }: Options, description: Description): Promise<Explanation | FlowExplanation> {
  const [{ readDescription }, { isFlowDescription, readFlowDescription }, { openExplainer }] = await Promise.all([
    import('../explain/request-spec.ts'),
    import('../explain/flow-spec.ts'),
    import('../explain/open-explainer.ts'),
  ])
  const asked = isFlowDescription(description) ? readFlowDescription(description) : readDescription(description)
  using loaded = await openExplainer(config)
  try {
    return loaded.explainer.explainAny(asked)
  } catch (error) {
    throw error instanceof ExplainError ? await usageError(error) : error
  }
}

async function askInstance(options: Options, description: Description): Promise<Explanation | FlowExplanation> {
  const connection = await requireInstance(options)
  try {
    return (await ask(connection, 'explain', description)) as Explanation | FlowExplanation
  } finally {
    connection.close()
  }
}

async function usageError({ message }: Error): Promise<UsageError> {
  const { printable } = await import('../explain/printable.ts')
  return new UsageError(printable(message))
}

async function textOf(explanation: Explanation | FlowExplanation, { json, all }: Options): Promise<string> {
  const { printableJson } = await import('../explain/printable.ts')
  if (json) return printableJson(explanation)
  const style = styleOf(paintFor(process.stdout))
  if ('protocol' in explanation) {
    const { flowText } = await import('../explain/flow-text.ts')
    return flowText(explanation, style)
  }
  const { explanationText } = await import('../explain/explanation-text.ts')
  return explanationText(explanation, { style, all: all === true })
}
