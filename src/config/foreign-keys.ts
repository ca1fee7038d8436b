import { quote } from './parsed.ts'

/**
 * What other proxies call the things of this language: `proxy_pass`, `location`, `backend`. Only ever used for hints.
 * Names are the same however they are joined: `strip_prefix`, `strip-prefix`, `stripPrefix`. What is meant is a key, or a
 * few words with the keys in backquotes.
 */

type Names = Readonly<Record<string, string>>

const TOP: Names = {
  server: 'listeners',
  servers: 'listeners',
  frontend: 'listeners',
  frontends: 'listeners',
  entrypoints: 'listeners',
  http: '`listeners`, `upstreams` and `routes`, each at the top level',
  static_resources: '`listeners` and `upstreams`',
  listen: 'listeners.NAME.address',
  bind: 'listeners.NAME.address',
  port: 'listeners.NAME.address',
  upstream: 'upstreams',
  backend: 'upstreams',
  backends: 'upstreams',
  clusters: 'upstreams',
  services: 'upstreams',
  location: 'routes',
  locations: 'routes',
  routers: 'routes',
  route: 'routes',
  virtual_hosts: '`routes` with a `match.host`',
  middlewares: '`rewrite` and `headers` of a route',
  rules: 'routes',
  worker_processes: 'runtime.workers',
  workers: 'runtime.workers',
  access_log: 'log.access',
  error_page: 'error_pages',
  logging: 'log',
}

const LISTENER: Names = {
  listen: 'address',
  bind: 'address',
  port: 'address',
  host: 'address',
  server_name: '`match.host` of a route',
  location: '`routes`, at the top level',
  locations: '`routes`, at the top level',
  routes: '`routes`, at the top level',
  ssl: 'tls',
  certificate: 'tls.certificates',
  certificates: 'tls.certificates',
  ssl_certificate: 'tls.certificates',
  ssl_protocols: 'tls.min_version',
  ssl_ciphers: 'tls.ciphers',
  ssl_verify_client: 'tls.client_auth',
  redirect_https: 'redirect_to_https',
  https_redirect: 'redirect_to_https',
  set_real_ip_from: 'trusted_proxies',
  mode: 'protocol',
  type: 'protocol',
  proxy_pass: '`upstream`, with `protocol: tcp`',
  default_backend: '`upstream`, with `protocol: tcp`',
  maxconn: 'limits.connections',
  max_connections: 'limits.connections',
  limit_conn: 'limits.connections_per_client',
  proxy_download_rate: 'limits.download_rate',
  proxy_upload_rate: 'limits.upload_rate',
  backend: '`upstream`, with `protocol: tcp`',
  server_names: 'sni',
  host_sni: 'sni',
  sni_routes: 'sni',
  ssl_preread: 'sni',
  accept_proxy: 'proxy_protocol',
  proxy_responses: 'udp.responses',
  proxy_timeout: 'timeouts.idle',
  preread_timeout: 'timeouts.first_bytes',
  client_header_timeout: 'timeouts.head',
  client_body_timeout: 'timeouts.content',
  keepalive_timeout: 'timeouts.idle',
  large_client_header_buffers: 'limits.head',
}

/** "tls" of a listener. */
const LISTENER_TLS: Names = {
  certificate: 'certificates',
  cert: 'certificates',
  key: 'certificates',
  cert_file: 'certificates',
  key_file: 'certificates',
  tls_certificates: 'certificates',
  ssl_certificate: 'certificates',
  protocols: '`min_version` and `max_version`',
  versions: '`min_version` and `max_version`',
  ssl_protocols: '`min_version` and `max_version`',
  cipher_suites: 'ciphers',
  ciphersuites: 'ciphers',
  ssl_ciphers: 'ciphers',
  curve_preferences: 'curves',
  ecdh_curve: 'curves',
  groups: 'curves',
  alpn_protocols: 'alpn',
  client_ca: 'client_auth.ca',
  client_certificate: 'client_auth.ca',
  verify_client: 'client_auth.mode',
  require_client_certificate: 'client_auth.mode',
  sni_strict: 'strict_sni',
  strict_sni_host: 'strict_sni',
  lets_encrypt: 'acme',
  cert_resolver: 'acme',
}

const CERTIFICATE: Names = {
  certificate: 'cert',
  certificate_chain: 'cert',
  cert_file: 'cert',
  chain: 'cert',
  crt: 'cert',
  fullchain: 'cert',
  pem: 'cert',
  certificate_key: 'key',
  key_file: 'key',
  private_key: 'key',
  password: 'passphrase',
  staple: 'ocsp',
}

/** "tls" of an upstream. */
const UPSTREAM_TLS: Names = {
  ...CERTIFICATE,
  sni: 'server_name',
  servername: 'server_name',
  host: 'server_name',
  root_ca: 'ca',
  root_cas: 'ca',
  ca_file: 'ca',
  trusted_ca: 'ca',
  trusted_certificate: 'ca',
  insecure: '`verify`, as in { verify: false }',
  insecure_skip_verify: '`verify`, as in { verify: false }',
  ssl_verify: 'verify',
  protocols: '`min_version` and `max_version`',
  cipher_suites: 'ciphers',
  groups: 'curves',
  alpn: '`protocol` of the upstream',
}

const UPSTREAM: Names = {
  ssl: 'tls',
  scheme: '`tls` and `protocol`',
  http_version: 'protocol',
  alpn: 'protocol',
  sni: 'tls.server_name',
  server: 'endpoints',
  servers: 'endpoints',
  targets: 'endpoints',
  hosts: 'endpoints',
  nodes: 'endpoints',
  lb_policy: 'balance',
  load_balancing: 'balance',
  algorithm: 'balance',
  policy: 'balance',
  send_proxy: '`proxy_protocol`, as in { version: v1 }',
  send_proxy_v2: '`proxy_protocol`, as in { version: v2 }',
  keepalive: 'pool.idle',
  max_fails: 'health.passive.failures',
  fail_timeout: 'health.passive.window',
  max_connections: '`max_connections` of each of the endpoints',
  max_conns: '`max_connections` of each of the endpoints',
  maxconn: '`max_connections` of each of the endpoints',
  weight: '`weight` of each of the endpoints',
  backup: '`backup` of an endpoint',
  check: 'health.active',
  health_check: 'health.active',
  healthcheck: 'health.active',
  outlier_detection: 'health.passive',
}

const ENDPOINT: Names = {
  server: 'address',
  host: 'address',
  url: 'address',
  target: 'address',
  port: '`address`, as in host:port',
  max_conns: 'max_connections',
  maxconn: 'max_connections',
  max_fails: '`health.passive.failures` of the upstream',
  fail_timeout: '`health.passive.window` of the upstream',
}

const ROUTE: Names = {
  location: 'match.path',
  prefix: 'match.path',
  uri: 'match.path',
  url: 'match.path',
  rule: 'match',
  when: 'match',
  server_name: 'match.host',
  hosts: 'match.host',
  methods: 'match.method',
  proxy_pass: 'upstream',
  backend: 'upstream',
  cluster: 'upstream',
  service: 'upstream',
  services: '`upstream`, or `split` for several',
  backend_refs: '`upstream`, or `split` for several',
  http: '`match` and `upstream`',
  route: 'upstream',
  target: 'upstream',
  to: 'upstream',
  reverse_proxy: 'upstream',
  weighted_clusters: 'split',
  weighted: 'split',
  traffic_split: 'split',
  canary: 'split',
  shadow: 'mirror',
  mirroring: 'mirror',
  request_mirror_policies: 'mirror',
  return: '`respond` or `redirect`',
  direct_response: 'respond',
  root: 'files.root',
  alias: 'files.root',
  file_server: 'files',
  try_files: 'files.fallback',
  error_page: 'error_pages',
  proxy_set_header: 'headers.request.set',
  add_header: 'headers.response.add',
  proxy_hide_header: 'headers.response.remove',
  request_headers: 'headers.request',
  response_headers: 'headers.response',
  redirect_scheme: 'redirect',
  deny: '`match.client_ip` of a route that responds with 403',
  allow: '`match.not.client_ip` of a route that responds with 403',
  proxy_read_timeout: '`timeouts.response` and `timeouts.idle`',
  proxy_connect_timeout: '`timeouts.connect` of the upstream',
  proxy_next_upstream: 'retry.on',
  retries: 'retry.attempts',
  retry_policy: 'retry',
  handle_errors: 'error_pages',
  strip_prefix: 'rewrite.strip_prefix',
  middlewares: '`rewrite` and `headers`',
  filters: '`rewrite` and `headers`',
  rewrite_target: 'rewrite.path',
  replace_path: 'rewrite.path',
  prefix_rewrite: '`rewrite.strip_prefix` and `rewrite.add_prefix`',
  regex_rewrite: 'rewrite.regex',
  add_prefix: 'rewrite.add_prefix',
  host_rewrite: 'rewrite.host',
  preserve_host: '`rewrite.host`, which is keep unless it says otherwise',
  pass_host_header: '`rewrite.host`, which is keep unless it says otherwise',
}

const MATCH: Names = {
  location: 'path',
  prefix: '`path`, as in /prefix/*',
  path_prefix: '`path`, as in /prefix/*',
  path_type: '`path`, as in /prefix/*',
  uri: 'path',
  url: 'path',
  regex: '`path`, as in ~^/users/[0-9]+$',
  path_regex: '`path`, as in ~^/users/[0-9]+$',
  safe_regex: '`path`, as in ~^/users/[0-9]+$',
  paths: '`path`, of which there is one; of several each has a route, or an item of `any`',
  hosts: 'host',
  domain: 'host',
  server_name: 'host',
  verb: 'method',
  header: 'headers',
  cookie: 'cookies',
  proto: 'scheme',
  client_certificate: 'client_cert',
  tls: '`scheme` and `client_cert`',
  params: 'query',
  args: 'query',
  remote_ip: 'client_ip',
  remote_addr: 'client_ip',
  source: 'client_ip',
  src: 'client_ip',
  and: 'all',
  or: 'any',
}

const PASSIVE: Names = {
  max_fails: 'failures',
  fail_timeout: 'window',
  base_ejection_time: 'eject',
  max_ejection_percent: 'max_ejected',
}

const ACTIVE: Names = {
  uri: 'path',
  url: 'path',
  rise: 'healthy',
  fall: 'unhealthy',
  passes: 'healthy',
  fails: 'unhealthy',
  healthy_threshold: 'healthy',
  unhealthy_threshold: 'unhealthy',
  status: 'expect',
}

const TO_SCHEME = '`to`, as in { to: "https://${host}${path}" }'

/** One side of `headers`, and what names both sides at once. */
const EDITS: Names = {
  append: 'add',
  delete: 'remove',
  hide: 'remove',
  replace: 'set',
  unset: 'remove',
}

const SIDES: Names = {
  custom_request_headers: 'request.set',
  custom_response_headers: 'response.set',
  request_headers_to_add: 'request.add',
  response_headers_to_add: 'response.add',
}

const TARGET: Names = {
  cluster: 'upstream',
  service: 'upstream',
  backend: 'upstream',
  target: 'upstream',
  name: 'upstream',
  to: 'upstream',
  percent: 'weight',
  share: 'weight',
  match: 'when',
  if: 'when',
  conditions: 'when',
}

const MIRROR: Names = {
  cluster: 'upstream',
  service: 'upstream',
  backend: 'upstream',
  target: 'upstream',
  to: 'upstream',
  percentage: 'percent',
  fraction: '`percent`, from 0 to 100',
  share: '`percent`, from 0 to 100',
  sample: '`percent`, from 0 to 100',
  weight: '`percent`, from 0 to 100',
}

const TEST: Names = {
  equals: 'exact',
  eq: 'exact',
  is: 'exact',
  value: 'exact',
  exact_match: 'exact',
  starts_with: 'prefix',
  begins_with: 'prefix',
  prefix_match: 'prefix',
  ends_with: 'suffix',
  suffix_match: 'suffix',
  includes: 'contains',
  contains_match: 'contains',
  matches: 'regex',
  pattern: 'regex',
  safe_regex: 'regex',
  safe_regex_match: 'regex',
  exists: 'present',
  present_match: 'present',
  not: '`not`, beside `headers` and the like',
  not_equals: '`not`, beside `headers` and the like',
  invert_match: '`not`, beside `headers` and the like',
}

const TIMEOUTS: Names = {
  connect: '`timeouts.connect` of the upstream',
  request: 'total',
  read: 'idle',
  send: 'idle',
}

const RETRY: Names = {
  tries: 'attempts',
  retries: 'attempts',
  num_retries: 'attempts',
  count: 'attempts',
  retry_on: 'on',
  conditions: 'on',
  statuses: 'on',
  timeout: 'per_try_timeout',
}

const PAGE: Names = {
  code: 'status',
  codes: 'status',
  body: 'respond.body',
  page: 'respond.body',
  proxy_intercept_errors: 'intercept',
}

const BY_PLACE: readonly (readonly [place: RegExp, names: Readonly<Record<string, string>>])[] = [
  [/^$/, TOP],
  [/^listeners\.\*$/, LISTENER],
  [/^listeners\.\*\.tls$/, LISTENER_TLS],
  [/^listeners\.\*\.tls\.certificates\.\*$/, CERTIFICATE],
  [/^upstreams\.\*\.tls$/, UPSTREAM_TLS],
  [/^upstreams\.\*$/, UPSTREAM],
  [/^upstreams\.\*\.endpoints\.\*$/, ENDPOINT],
  [/^upstreams\.\*\.health\.passive$/, PASSIVE],
  [/^upstreams\.\*\.health\.active$/, ACTIVE],
  [/^routes\.\*$/, ROUTE],
  [/^routes\.\*\.(?:match|split\.\*\.when)(?:\.(?:(?:all|any)\.\*|not))*$/, MATCH],
  [
    /\.respond$/,
    { content: 'body', text: 'body', code: 'status', content_type: '`headers`, as in { content-type: text/html }' },
  ],
  [
    /\.files$/,
    {
      try_files: 'fallback',
      spa: 'fallback',
      directory: 'root',
      path: 'root',
      browse: 'index',
      gzip_static: 'precompressed',
      expires: 'cache_control',
    },
  ],
  [
    /\.redirect$/,
    {
      url: 'to',
      location: 'to',
      target: 'to',
      code: 'status',
      permanent: '`status`, as in { status: 308 }',
      scheme: TO_SCHEME,
      https: TO_SCHEME,
      host: '`to`, as in { to: "https://example.com${path}" }',
    },
  ],
  [/\.match\.(?:.+\.)?(?:headers|query|cookies)\.[^.]+$|\.when\.(?:.+\.)?(?:headers|query|cookies)\.[^.]+$/, TEST],
  [/^routes\.\*\.headers$/, SIDES],
  [/\.headers\.(?:request|response)$/, EDITS],
  [/^routes\.\*\.split\.\*$/, TARGET],
  [/\.mirror$/, MIRROR],
  [/^routes\.\*\.timeouts$/, TIMEOUTS],
  [/\.retry$/, RETRY],
  [/error_pages\.\*$/, PAGE],
]

/** What a key at that place (`*` for names and indices) is called here, for a hint; `null` for what nobody calls so. */
export function meantByForeignKey(place: string, key: string): string | null {
  const names = BY_PLACE.find(([pattern]) => pattern.test(place))?.[1]
  const plain = normalised(key)
  const [, meant = null] = Object.entries(names ?? {}).find(([name]) => normalised(name) === plain) ?? []
  if (meant === null) return null
  return meant.includes('`') ? meant.replaceAll('`', '"') : quote(meant)
}

function normalised(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '')
}
