/**
 * Everything that can be wrong with a configuration, by its code: the one catalogue. Errors refuse the configuration,
 * warnings are told and let it run. docs/configuration-errors.md has a section for each, with an example.
 */

export type Severity = 'error' | 'warning'

export interface CodeEntry {
  readonly severity: Severity
  /** What it is, in a few words. */
  readonly title: string
  /** What it means, and why it is not simply taken. */
  readonly explanation: string
}

const entries = {
  'unreadable-file': {
    severity: 'error',
    title: 'A file cannot be read',
    explanation: 'It is not there, is a folder, or may not be read by the user that Sluice runs as.',
  },
  'unknown-format': {
    severity: 'error',
    title: 'A file of no known format',
    explanation: "The end of a file's name says which language it is written in.",
  },
  'wrong-encoding': {
    severity: 'error',
    title: 'A file that is not UTF-8 text',
    explanation: 'Configurations are UTF-8. Any other encoding would be guessed, and names would come out wrong.',
  },
  'no-configuration': {
    severity: 'error',
    title: 'No configuration, or several',
    explanation:
      'Without `-c FILE` there has to be exactly one file in the current folder that has one of the usual names. Which of several was meant would be a guess.',
  },
  'wrong-module': {
    severity: 'error',
    title: 'A module that gives no configuration',
    explanation:
      'The default export of a configuration in TypeScript or JavaScript is an object, or a function that returns one, also as a promise.',
  },
  'wrong-include': {
    severity: 'error',
    title: 'An include that leads nowhere',
    explanation:
      'A path of `include` is not there, leads back to a file that includes it, or goes deeper than anybody would mean. Patterns with wildcards may match nothing.',
  },
  'defined-twice': {
    severity: 'error',
    title: 'A name or a section that two files define',
    explanation:
      'Listeners and upstreams of all files are put together by name, and sections such as `log` stand in one file. Which of two counts would depend on the order of the files.',
  },
  'missing-variable': {
    severity: 'error',
    title: 'A variable that the environment does not have',
    explanation: 'An empty text in its place would be a value that nobody chose. `${NAME:-default}` gives one.',
  },
  'wrong-placeholder': {
    severity: 'error',
    title: 'A placeholder that cannot be replaced',
    explanation:
      '`${NAME}`, `${NAME:-default}` and `${NAME:?message}` stand for variables of the environment, `${file:PATH}` for the content of a file. `$${` writes `${`.',
  },
  'masked-secret': {
    severity: 'error',
    title: 'A secret that is only shown as a mask',
    explanation: '`sluice config show` writes `***` for secrets. Everybody knows that one.',
  },
  'too-large': {
    severity: 'error',
    title: 'A configuration beyond all measure',
    explanation:
      'A file, its values with all aliases put in, or the depth of its maps and lists has a bound, so that no file can stop whoever reads it.',
  },
  syntax: {
    severity: 'error',
    title: 'Text that cannot be read as what it is',
    explanation: 'The text breaks the rules of YAML, TOML or JSON. Nothing else is checked before it can be read.',
  },
  'wrong-alias': {
    severity: 'error',
    title: 'An alias or a merge that leads nowhere',
    explanation:
      'An alias (`*name`) stands for the value with the anchor `&name` before it, and `<<` merges maps only.',
  },
  'duplicate-key': {
    severity: 'error',
    title: 'A key that stands in a map twice',
    explanation: 'Which of the two counts would be chance. Many readers of YAML silently take the last.',
  },
  'unusable-key': {
    severity: 'error',
    title: 'A key that is no text, or that no map can have',
    explanation: 'Keys are plain text.',
  },
  'empty-configuration': {
    severity: 'error',
    title: 'A configuration without anything in it',
    explanation: 'Without a listener there is nothing to run.',
  },
  'unknown-key': {
    severity: 'error',
    title: 'A key that the language does not have',
    explanation: 'A key that is not understood is never ignored: what it was meant to do would silently not happen.',
  },
  'not-supported-yet': {
    severity: 'error',
    title: 'A part of the language that this version cannot do',
    explanation: 'The language has a name for it, this version has not. It is refused rather than run without it.',
  },
  'missing-key': {
    severity: 'error',
    title: 'A key that has to be there',
    explanation: 'It has no default that would be right for everybody.',
  },
  'empty-value': {
    severity: 'error',
    title: 'A key without a value',
    explanation: 'In YAML a key with nothing behind it has the value null, which nothing here has a meaning for.',
  },
  'wrong-type': {
    severity: 'error',
    title: 'A value of another kind',
    explanation: 'Text where a number belongs, a list where a map belongs, and so on.',
  },
  'wrong-value': {
    severity: 'error',
    title: 'A value that is none of those there are',
    explanation: 'The kind is right, but not the value.',
  },
  'out-of-range': {
    severity: 'error',
    title: 'A number, a duration, a size or a list outside of its bounds',
    explanation: 'Each has bounds; the message says them.',
  },
  'wrong-unit': {
    severity: 'error',
    title: 'A duration, a size or a share that is not written as one',
    explanation: 'Durations and sizes have a unit, so that nobody has to guess whether 30 are seconds or milliseconds.',
  },
  'wrong-name': {
    severity: 'error',
    title: 'A name that a listener, an upstream or a route cannot have',
    explanation:
      'Names end up in logs and in other parts of the configuration, and are kept to letters that survive both.',
  },
  'wrong-address': {
    severity: 'error',
    title: 'An address that is none',
    explanation: 'Where something listens or is dialled, a block of addresses, or a name server.',
  },
  'wrong-host': {
    severity: 'error',
    title: 'A host that is none',
    explanation: 'A host name as DNS and the field `Host` can carry it, or a pattern of them.',
  },
  'wrong-path': {
    severity: 'error',
    title: 'A path that is none',
    explanation: 'A path begins with a slash and is percent-encoded where a URI has to be.',
  },
  'path-not-canonical': {
    severity: 'error',
    title: 'A path that no request has in this form',
    explanation:
      'Paths of requests are put into one canonical form before routes see them. A pattern in another form would never match, a rewrite to one would be read differently by different servers.',
  },
  'wrong-query': {
    severity: 'error',
    title: 'A field of a query that is none',
    explanation: 'Names and values go on the wire as they are written, so they must be percent-encoded.',
  },
  'wrong-header': {
    severity: 'error',
    title: 'A header name or value that cannot be sent',
    explanation: 'Names are tokens, values are text without line breaks (RFC 9110, section 5).',
  },
  'protected-header': {
    severity: 'error',
    title: 'A header that the proxy writes itself',
    explanation:
      'Such a field says where a message ends, what a connection does, or which host is meant. Set by hand it would let two servers disagree about that (request smuggling).',
  },
  'wrong-cookie': {
    severity: 'error',
    title: 'A cookie that cannot be, or that browsers throw away',
    explanation: 'The name, the path or the attributes break the rules that browsers keep (RFC 6265).',
  },
  'wrong-location': {
    severity: 'error',
    title: 'A redirect to nowhere',
    explanation: 'A redirect goes to a path or to an absolute URL.',
  },
  'wrong-certificate': {
    severity: 'error',
    title: 'A certificate, a key or a list that cannot be used',
    explanation:
      'The file is not there, may not be read, is not what it should be, or does not fit what stands beside it. Clients would be refused, all of them.',
  },
  'doubtful-certificate': {
    severity: 'warning',
    title: 'A certificate that clients may refuse',
    explanation:
      'It can be served, and is; but it has ended, has not begun, names no host, or does not lead to its root.',
  },
  'shadowed-certificate': {
    severity: 'warning',
    title: 'A certificate that is never served',
    explanation: 'Of several certificates of a kind that have a name, the first is served.',
  },
  'challenge-unanswered': {
    severity: 'warning',
    title: 'A challenge that no listener answers',
    explanation:
      'With http-01, the authority comes in plain text to port 80 of the name. Unless something else leads it here, nobody shows that the name is yours.',
  },
  'exposed-key': {
    severity: 'warning',
    title: 'A private key that every user may read',
    explanation: 'Whoever has the key can pass for the server, and nobody can tell.',
  },
  'weak-cipher': {
    severity: 'warning',
    title: 'A cipher suite of old',
    explanation:
      'Without forward secrecy a key that is stolen one day opens all that was recorded before; encryption that is not authenticated was broken again and again.',
  },
  'unverified-upstream': {
    severity: 'warning',
    title: 'An upstream whose certificate is not looked at',
    explanation: 'Encryption alone does not say who is at the other end.',
  },
  'unknown-cipher': {
    severity: 'error',
    title: 'A cipher suite or a group that OpenSSL does not have',
    explanation:
      'OpenSSL silently leaves out what it does not know: connections would be encrypted in another way than was written.',
  },
  'wrong-file-name': {
    severity: 'error',
    title: 'The name of a file or a folder that cannot be served',
    explanation: 'Names stay below the root: no `..`, and no folder where a file is meant.',
  },
  'regex-syntax': {
    severity: 'error',
    title: 'A regular expression that cannot be read',
    explanation: 'Expressions are written in the syntax of RE2.',
  },
  'regex-not-linear': {
    severity: 'error',
    title: 'A regular expression with look-around or backreferences',
    explanation:
      'No matcher can do these in time that grows only with the text: one request could hold up a worker for minutes. RE2 has no syntax for them.',
  },
  'regex-too-large': {
    severity: 'error',
    title: 'A regular expression that is too large',
    explanation:
      'Repetitions count in full: `(a{100}){100}` is ten thousand steps, for each character of each request.',
  },
  'template-syntax': {
    severity: 'error',
    title: 'A template that is not closed, or names nothing',
    explanation: 'Values of a request are written `${name}`, parts of the path in paths `{name}`.',
  },
  'unknown-value': {
    severity: 'error',
    title: 'A template asks for a value that no request has',
    explanation: 'It would always come out empty.',
  },
  'template-too-early': {
    severity: 'error',
    title: 'A template asks for the response before there is one',
    explanation: '`${status}`, `${upstream}` and `${endpoint}` are known in fields of the response and in error pages.',
  },
  'unknown-capture': {
    severity: 'error',
    title: 'A template asks for a part of the path that the route does not name',
    explanation:
      'Only `{name}` segments, named groups of a regular expression, and `*` behind a prefix catch something.',
  },
  'looks-like-template': {
    severity: 'warning',
    title: 'Text that looks like a value, and is sent as it is',
    explanation: 'Values are put in only where templates are allowed, and only where they are written `${name}`.',
  },
  'unknown-listener': {
    severity: 'error',
    title: 'A listener that nobody defines',
    explanation: 'The name is not a key of `listeners`.',
  },
  'unknown-upstream': {
    severity: 'error',
    title: 'An upstream that nobody defines',
    explanation: 'The name is not a key of `upstreams`.',
  },
  'unknown-route': {
    severity: 'error',
    title: 'A route that nobody defines',
    explanation: 'No route has that `name`.',
  },
  'duplicate-name': {
    severity: 'error',
    title: 'Two things with one name',
    explanation: 'Whoever refers to the name, and whoever reads the log, would not know which is meant.',
  },
  'duplicate-item': {
    severity: 'error',
    title: 'One thing listed twice',
    explanation: 'It would count once or twice, and nobody could tell which was meant.',
  },
  'no-routes': {
    severity: 'warning',
    title: 'A configuration without routes',
    explanation: 'Listeners accept, and every request is answered with 404.',
  },
  'unused-upstream': {
    severity: 'warning',
    title: 'An upstream that nothing leads to',
    explanation:
      'No route and no listener uses it: its endpoints are watched and never asked. Mostly a route is missing, or names another upstream.',
  },
  'unused-listener': {
    severity: 'warning',
    title: 'A listener without a route',
    explanation: 'Every request that comes in there is answered with 404.',
  },
  'no-listener-for-routes': {
    severity: 'warning',
    title: 'Routes without a listener that speaks HTTP',
    explanation: 'Listeners of TCP and UDP lead to their own upstream, and ask no route.',
  },
  'listener-without-routes': {
    severity: 'error',
    title: 'A route for a listener of TCP or UDP',
    explanation: 'Routes are for requests of HTTP. Such a listener passes on what comes, and reads none.',
  },
  'address-in-use': {
    severity: 'error',
    title: 'Two listeners on one address',
    explanation: 'Both would accept the same connections, and the system would give each to one of them by chance.',
  },
  'address-overlap': {
    severity: 'warning',
    title: 'A listener whose address lies within that of another',
    explanation:
      'The system gives connections to the more exact address. That may be meant; where it is not, one of the listeners gets fewer requests than it seems.',
  },
  'conflicting-keys': {
    severity: 'error',
    title: 'Two keys that exclude each other',
    explanation: 'Only one of them can hold.',
  },
  'no-effect': {
    severity: 'error',
    title: 'A key that does nothing where it stands',
    explanation:
      'Whoever wrote it expects something of it. It is refused, so that nobody relies on what does not happen.',
  },
  'wrong-order': {
    severity: 'error',
    title: 'Two bounds in the wrong order',
    explanation: 'A maximum below its minimum, a part longer than its whole.',
  },
  'only-backups': {
    severity: 'error',
    title: 'An upstream of backups alone',
    explanation: 'A backup stands in for others. Where all are backups, there is nobody to stand in for.',
  },
  'no-action': {
    severity: 'error',
    title: 'A route that does nothing',
    explanation: 'A route takes requests and does one thing with them.',
  },
  'empty-condition': {
    severity: 'error',
    title: 'A condition that says nothing',
    explanation: 'It holds for every request: inside "not" it would take none, inside "any" all of them.',
  },
  'route-shadowed': {
    severity: 'warning',
    title: 'A route that can never match',
    explanation:
      'Another route takes every request that this one would take: it has a higher priority, a more specific match, or the same match and stands before it. Routes that others fall back to are not told of.',
  },
  'route-unreachable': {
    severity: 'warning',
    title: 'A route whose conditions exclude each other',
    explanation: 'No request can fulfil all of them at once.',
  },
  'rule-shadowed': {
    severity: 'warning',
    title: 'A rule of a listener that no connection gets to',
    explanation: 'Rules go by their order, and one before it takes every connection that this one would take.',
  },
  'exact-slash': {
    severity: 'warning',
    title: 'A path that ends in a slash, and takes nothing below it',
    explanation:
      'A path without `/*` is exact. nginx and others take `/api/` for a prefix; here it is the path `/api/` alone.',
  },
  'exact-prefix': {
    severity: 'warning',
    title: 'A path that is exact where a prefix was probably meant',
    explanation:
      'The route takes one path alone, and takes all of it off as a prefix, or serves files below it. In other proxies a path without a wildcard is a prefix.',
  },
  'looks-like-pattern': {
    severity: 'warning',
    title: 'Text that looks like a pattern, and is compared as it is',
    explanation:
      'A plain value is an exact one. `:id` is no name of a segment, and in values of fields neither `~` nor `*` has a meaning.',
  },
  'regex-never-matches': {
    severity: 'warning',
    title: 'An expression that nothing can match',
    explanation:
      'Paths begin with a slash and are percent-encoded, hosts are in lower case: an expression that asks for something else takes no request.',
  },
  'header-has-key': {
    severity: 'warning',
    title: 'A condition on a header that has a key of its own',
    explanation:
      '`Host` may have a port, `Content-Type` parameters, `Cookie` more than one cookie: the line as a whole is rarely what is asked for.',
  },
  'prefix-never-there': {
    severity: 'warning',
    title: 'A prefix is taken off paths that never have it',
    explanation: 'Such paths stay as they are, so the edit does nothing for this route.',
  },
  'split-target-unused': {
    severity: 'warning',
    title: 'A target of a split that gets no request',
    explanation:
      'It has the weight 0 and no condition. That is fine for a rollout that waits, and a mistake elsewhere.',
  },
  'split-when-shadowed': {
    severity: 'warning',
    title: 'A condition of a split that an earlier target has already',
    explanation: 'The first target whose condition holds takes the request; a later one with the same never does.',
  },
  'split-without-weight': {
    severity: 'error',
    title: 'A split with nowhere to go',
    explanation: 'Requests for which no "when" holds go by weight, and all weights are 0.',
  },
  'split-on-unused': {
    severity: 'warning',
    title: 'A split that spreads by a key, over one target',
    explanation:
      '"split_on" decides between targets with a weight; with fewer than two of them there is nothing to decide.',
  },
  'fallback-loop': {
    severity: 'error',
    title: 'Fallbacks that lead back to where they began',
    explanation: 'A request would go round, from one upstream that cannot answer to the next, and back.',
  },
  'retry-never': {
    severity: 'warning',
    title: 'A cause of a second try that never comes up there',
    explanation:
      'What has been sent over a connection cannot be taken back, so only one that could not be opened is tried again where no route leads.',
  },
  'error-page-never': {
    severity: 'warning',
    title: 'An error page for a status that never occurs there',
    explanation:
      'Unless "intercept" is on, an error page is for errors of the proxy itself, which has only some statuses.',
  },
  'error-page-shadowed': {
    severity: 'warning',
    title: 'An error page behind one for the same statuses',
    explanation: 'The first page that fits is taken.',
  },
  'mirror-to-itself': {
    severity: 'warning',
    title: 'A mirror to the upstream that has the request anyway',
    explanation: 'Each request reaches the same endpoints twice.',
  },
  'redirect-loop': {
    severity: 'warning',
    title: 'A redirect that leads back to its own route',
    explanation: 'Browsers give up after some twenty rounds.',
  },
  'files-root-missing': {
    severity: 'warning',
    title: 'A folder of files that is not there, or may not be read',
    explanation: 'Every request of the route gets 404 until the folder is there and can be read.',
  },
  'files-root-no-folder': {
    severity: 'error',
    title: 'A root of files that is no folder',
    explanation: '"root" is a folder; what is served are the files in it.',
  },
} as const satisfies Record<string, CodeEntry>

export type ProblemCode = keyof typeof entries

export const PROBLEM_CODES: Readonly<Record<ProblemCode, CodeEntry>> = entries

/** Whether a configuration with this problem is refused. */
export function severityOf(code: ProblemCode): Severity {
  return PROBLEM_CODES[code].severity
}
