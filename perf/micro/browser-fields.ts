/** What a browser sends: 15 field lines with `Host`. */
export const BROWSER_FIELDS: readonly (readonly [name: string, value: string])[] = [
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Accept-Language', 'en-US,en;q=0.9,de;q=0.8'],
  ['Cache-Control', 'no-cache'],
  ['Connection', 'keep-alive'],
  ['Cookie', 'sid=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; _ga=GA1.1.1234567890.1234567890'],
  ['DNT', '1'],
  ['Pragma', 'no-cache'],
  ['Referer', 'http://127.0.0.1/some/page?with=query'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Upgrade-Insecure-Requests', '1'],
  [
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  ],
]
