/** Request targets that proxies and origins are known to read in different ways, and what becomes of each. */
import type { PathPolicy } from '../../../engine/snapshot.ts'

export interface PathCase {
  /** As on the wire, Latin-1. */
  readonly target: string
  readonly policy: PathPolicy
  /** What routes see; `null` for 400. */
  readonly path: string | null
  /** What goes upstream. */
  readonly upstream: string
}

export const DEFAULT_POLICY: PathPolicy = {
  dotSegments: 'normalise',
  emptySegments: 'normalise',
  encodedSlashes: 'keep',
  parameters: 'keep',
}

type Row = readonly [target: string, path: string | null, upstream?: string]

/** Under the policy that a listener has where nothing else is configured. */
const DEFAULT: readonly Row[] = [
  // What is as it is.
  ['/', '/'],
  ['/users/42', '/users/42'],
  ['/users/', '/users/'],
  ["/a-b_c~d.e!f$g&h'i(j)k*l+m,n=o:p@q", "/a-b_c~d.e!f$g&h'i(j)k*l+m,n=o:p@q"],
  ['/a.b/c..d/e.', '/a.b/c..d/e.'],
  ['/...', '/...'],
  ['/.../a', '/.../a'],
  ['/.hidden', '/.hidden'],
  ['/..hidden', '/..hidden'],
  ['/.well-known/acme-challenge/x', '/.well-known/acme-challenge/x'],
  // The query is no part of it, and goes on as it came.
  ['/a?b=c&d', '/a', '/a?b=c&d'],
  ['/a?', '/a', '/a?'],
  ['/a?/../b//c', '/a', '/a?/../b//c'],
  ['/a?%2e%2e/%zz%00', '/a', '/a?%2e%2e/%zz%00'],
  ['/a?b?c', '/a', '/a?b?c'],
  ['/a?b\\c"<>', '/a', '/a?b\\c"<>'],
  ['/a/../b?x=/../', '/b', '/b?x=/../'],
  ['//a?b//c', '/a', '/a?b//c'],
  ['/%61?%61', '/a', '/a?%61'],
  ['/a%3Fb', '/a%3Fb'],
  ['/a%3fb?c', '/a%3Fb', '/a%3Fb?c'],
  ['/a%23b', '/a%23b'],
  // Dot segments.
  ['/a/./b', '/a/b'],
  ['/./a', '/a'],
  ['/.', '/'],
  ['/a/.', '/a/'],
  ['/a/..', '/'],
  ['/a/b/..', '/a/'],
  ['/a/b/../', '/a/'],
  ['/public/../admin', '/admin'],
  ['/a/../b/../c', '/c'],
  ['/a/b/c/../../d', '/a/d'],
  ['/a/./../b', '/b'],
  ['/%2e/a', '/a'],
  ['/public/%2e%2e/admin', '/admin'],
  ['/public/%2E%2E/admin', '/admin'],
  ['/public/.%2e/admin', '/admin'],
  ['/public/%2e./admin', '/admin'],
  ['/public/%2e%2e', '/'],
  ['/..', null],
  ['/../', null],
  ['/../etc/passwd', null],
  ['/a/../..', null],
  ['/a/../../b', null],
  ['/%2e%2e', null],
  ['/.%2e/etc/passwd', null],
  ['/./..', null],
  ['/a/%2e%2e/%2e%2e/b', null],
  // Once, and never twice.
  ['/public/%252e%252e/admin', '/public/%252e%252e/admin'],
  ['/%252fadmin', '/%252fadmin'],
  ['/%25', '/%25'],
  ['/%2525', '/%2525'],
  ['/%25%32%65', '/%252e'],
  ['/%2561dmin', '/%2561dmin'],
  // Needless encoding.
  ['/%61dmin', '/admin'],
  ['/%61%64%6d%69%6e', '/admin'],
  ['/%41%7A%30%2D%5F%7E%2E', '/Az0-_~.'],
  ['/admi%6E/', '/admin/'],
  ['/a%20b', '/a%20b'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/%e2%82%ac', '/%E2%82%AC'],
  ['/%f0%9f%98%80', '/%F0%9F%98%80'],
  ['/%e9t%e9', '/%E9t%E9'],
  ['/a%2cb%3ac%40', '/a%2Cb%3Ac%40'],
  ['/%0d%0aSet-Cookie', '/%0D%0ASet-Cookie'],
  ['/a%09b%7f', '/a%09b%7F'],
  // What a URI cannot have, and clients send all the same.
  ['/a"b<c>d^e`f{g|h}[i]', '/a%22b%3Cc%3Ed%5Ee%60f%7Bg%7Ch%7D%5Bi%5D'],
  ['/a%5bb%5d', '/a%5Bb%5D'],
  ['/a\\b', null],
  ['/..\\admin', null],
  ['\\admin', null],
  ['/a\\..\\b', null],
  ['/caf\xc3\xa9', null],
  ['/\x80', null],
  ['/a\x01b', null],
  ['/a\x7fb', null],
  ['/a#b', null],
  // Empty segments.
  ['//', '/'],
  ['///', '/'],
  ['//admin', '/admin'],
  ['/a//b', '/a/b'],
  ['/a//', '/a/'],
  ['/a////b///c', '/a/b/c'],
  ['//a.example/b', '/a.example/b'],
  ['/a//../b', '/b'],
  ['/a/..//b', '/b'],
  ['//..', null],
  ['/a//%2e%2e//b', '/b'],
  ['/%2e//a', '/a'],
  // Encoded slashes.
  ['/a%2fb', '/a%2Fb'],
  ['/a%2Fb', '/a%2Fb'],
  ['/a%5cb', '/a%5Cb'],
  ['/a%2f%2fb', '/a%2F%2Fb'],
  ['/%2fadmin', '/%2Fadmin'],
  ['/public/..%2fadmin', null],
  ['/public/%2e%2e%2fadmin', null],
  ['/public/..%2Fadmin', null],
  ['/public/..%5cadmin', null],
  ['/public/%2e%2e%5cadmin', null],
  ['/public%2f..%2fadmin', null],
  ['/public%2f..', null],
  ['/public%5c..%5cadmin', null],
  ['/public%2f.%2fadmin', null],
  ['/a%2f...%2fb', '/a%2F...%2Fb'],
  ['/a%2f.b', '/a%2F.b'],
  ['/a%2fb../c', '/a%2Fb../c'],
  // Parameters.
  ['/a;v=1/b', '/a;v=1/b'],
  ['/a;/b', '/a;/b'],
  ['/a%3bb', '/a%3Bb'],
  ['/;x', '/;x'],
  ['/a/b;jsessionid=1?c', '/a/b;jsessionid=1', '/a/b;jsessionid=1?c'],
  ['/public/..;/admin', null],
  ['/public/..;x=y/admin', null],
  ['/public/%2e%2e;/admin', null],
  ['/public/.;/admin', null],
  ['/public/..%3b/admin', null],
  ['/public/..%3B.', null],
  ['/public/...;/admin', '/public/...;/admin'],
  // Encodings of nothing.
  ['/%', null],
  ['/%2', null],
  ['/%zz', null],
  ['/%2g', null],
  ['/a%', null],
  ['/%%32%65', null],
  ['/%u002e%u002e/admin', null],
  ['/%00', null],
  ['/a%00.html', null],
  ['/%c0%ae%c0%ae/admin', null],
  ['/%C0%AFadmin', null],
  ['/%c1%9cadmin', null],
  ['/%e0%80%af', null],
  ['/%E0%9f%BF', null],
  ['/%e0%a0%80', '/%E0%A0%80'],
  ['/%f0%80%80%af', null],
  ['/%f0%8f%bf%bf', null],
  ['/%f0%90%80%80', '/%F0%90%80%80'],
  ['/%f8%80%80%80%af', null],
  ['/%fc%80%80%80%80%af', null],
  // The host of an absolute form decides, and its path is a path.
  ['http://a.example/x', '/x'],
  ['http://a.example', '/'],
  ['http://a.example?q', '/', '/?q'],
  ['http://a.example//x', '/x'],
  ['http://a.example/a/../b?c', '/b', '/b?c'],
  ['http://a.example/%61', '/a'],
  ['http://a.example/..', null],
  ['http://a.example/a%2f..', null],
]

const VARIANTS: readonly (readonly [Partial<PathPolicy>, readonly Row[]])[] = [
  [
    { dotSegments: 'refuse' },
    [
      ['/a/b', '/a/b'],
      ['/a/../b', null],
      ['/a/.', null],
      ['/%2e/a', null],
      ['/.a/..b', '/.a/..b'],
    ],
  ],
  [
    { emptySegments: 'keep' },
    [
      ['//', '//'],
      ['/a//b', '/a//b'],
      ['//a', '//a'],
      ['/a//../b', '/a/b'],
      ['/a/..//b', '//b'],
      ['//..', '/'],
    ],
  ],
  [
    { emptySegments: 'refuse' },
    [
      ['/', '/'],
      ['/a/', '/a/'],
      ['//', null],
      ['/a//b', null],
      ['/a//', null],
      ['/a/./b', '/a/b'],
    ],
  ],
  [
    { encodedSlashes: 'normalise' },
    [
      ['/a%2fb', '/a/b'],
      ['/a%5Cb', '/a/b'],
      ['/public/%2e%2e%2fadmin', '/admin'],
      ['/public/..%5cadmin', '/admin'],
      ['/%2f%2fa', '/a'],
      ['/..%2f', null],
      ['/a%252fb', '/a%252fb'],
      ['/public/..;%2fadmin', null],
      ['/%c0%2f', null],
    ],
  ],
  [
    { encodedSlashes: 'refuse' },
    [
      ['/a%2fb', null],
      ['/a%5Cb', null],
      ['/a%252fb', '/a%252fb'],
    ],
  ],
  [
    { parameters: 'normalise' },
    [
      ['/a;v=1/b', '/a/b'],
      ['/a;/b;c', '/a/b'],
      ['/;x/admin', '/admin'],
      ['/a/;x', '/a/'],
      ['/a%3bb', '/a%3Bb'],
      ['/public/..;/admin', null],
      ['/public/%2e%2e;x/admin', null],
      ['/a;..%2f/b', '/a/b'],
    ],
  ],
  [
    { parameters: 'refuse' },
    [
      ['/a;v=1/b', null],
      ['/a;', null],
      ['/a?b;c', '/a', '/a?b;c'],
      ['/a%3bb', '/a%3Bb'],
    ],
  ],
  [
    { emptySegments: 'keep', parameters: 'normalise', encodedSlashes: 'normalise' },
    [
      ['/;x/admin', '//admin'],
      ['/a%2f%2fb', '/a//b'],
      ['/a;x%2fb', '/a/b'],
    ],
  ],
]

function caseOf([target, path, upstream = path ?? '']: Row, policy: PathPolicy): PathCase {
  return { target, policy, path, upstream }
}

export const PATH_CASES: readonly PathCase[] = [
  ...DEFAULT.map(row => caseOf(row, DEFAULT_POLICY)),
  ...VARIANTS.flatMap(([changes, rows]) => rows.map(row => caseOf(row, { ...DEFAULT_POLICY, ...changes }))),
]
