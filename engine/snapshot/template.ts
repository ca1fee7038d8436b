/** Text that is put together for each request. */

/** What a template can ask of a request, and of its response. All of it comes as it was on the wire, nothing decoded. */
export type TemplateValue =
  | {
      readonly kind: /** The client's address, behind trusted proxies the one that they tell; and the port of its connection. */
        | 'client_ip'
        | 'client_port'
        /** In lower case, without port. */
        | 'host'
        /** `http` or `https`. */
        | 'scheme'
        | 'method'
        /** In canonical form, as routes see it. */
        | 'path'
        /** Without its question mark. */
        | 'query'
        | 'request_id'
        /** When the request began: RFC 3339, in UTC, with milliseconds. */
        | 'time'
        | 'listener'
        /** Of a connection with TLS: its version, its suite, and the name that the client asked for. */
        | 'tls_version'
        | 'tls_cipher'
        | 'tls_server_name'
        /** Of the verified certificate of the client; alternative names are joined by `, `. */
        | 'client_cert_subject'
        | 'client_cert_issuer'
        | 'client_cert_serial'
        | 'client_cert_fingerprint'
        | 'client_cert_san'
        | 'route'
        /** Known with the response only: the status, the upstream, and the endpoint that has answered. */
        | 'status'
        | 'upstream'
        | 'endpoint'
    }
  /** `name` in lower case; several lines are joined by `, `. */
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query_field' | 'cookie'; readonly name: string }
  /** What a `{name}` segment, a group of a regular expression, or `*` for the rest of a prefix has caught. */
  | { readonly kind: 'capture'; readonly name: string }

/** Text as it is, or pieces one behind the other. What a request does not have is empty. */
export type Template = string | readonly (string | TemplateValue)[]
