/**
 * What a Chromium (156, on Linux) sends first to `www.shop.example`: in one record of 1,951 bytes, with values that mean nothing (GREASE,
 * RFC 8701) among its extensions, an encrypted_client_hello that means nothing, and a key share of X25519MLKEM768.
 */
export const CHROMIUM_HELLO = Buffer.from(
  [
    'FgMBB58BAAebAwMkaYA3q747D4djU+/X48biWbnKswcFo9c4Xl47n6M1oiBDS4+BSde/o8EegdjoSwhGjIAkqeChmxAyCxrPCzmsxQAgamoTARMC',
    'EwPAK8AvwCzAMMypzKjAE8AUAJwAnQAvADUBAAcyOjoAAAAKAAwACpqaEewAHQAXABgAEAAOAAwCaDIIaHR0cC8xLjHKNAC6ALgFgt8TAgEFgt8T',
    'AgYFgt8TAg0Fgt8TAg4Fgt8TAg8Fgt8TAhIFgt8TAhMFgt8TAhQIg5pkjJstAQcIg5pkjJstAQgIg5pkjJstAQkIg5pkjJstAQoIg5pkjJstAQsI',
    'g5pkjJstAQwIg5pkjJstAQ0Ig5pkjJstARIIg5pkjJstARME1nkJAQTWeQkEBNZ5CQUE1nkJBgTWeQkHBNZ5CQgE1nkJCgTWeQkLBNZ5CQwE1nkJ',
    'DQTWeQkP/g0A2gAAAQABuwAgz/Vx9TMaEPx6oJmkT1je9ez5OVwLVHkblfgVfsFqkWkAsGcyC+yRzMefO/HQDvCAg/WIFfX8cAXSgPg2mwbtn2ea',
    'NKzY2G7D/Tk5eVyZwgZlZCgu8JZ83oJ0tBErfsuUgpCrY5YSi6r4a3S4/wGp5j3t1WpPq/qxxL54NxMNrMGcDm5TqBTnyhrEIpZMra4tQf2rG8TS',
    'lkQnffZ2FJyYK2pvbz2s9KDiIlhv9JTuUPcd/ifGe2WAJfO6TKuyOLRVr/LrPbq65bgVyvEts/CTK0vxRM0ABQADAmgy/wEAAQAACwACAQAAMwTv',
    'BO2amgABABHsBMDHkZVs9B3v6BBCJKPYOxR8tJiYEGybQLs0him39UZExYrCzG5Em4gSSwI18V+26SfxSExRCwa4K8SRMz8NGmmqij3j82zgrH5O',
    'LGfaVUjsqhHLYUpYViL+vIThyltLwzYylwc9gZNkO4FeCIJtes79mxXn1ivYuxngigyt4Bg/y2mUwmmSkj1KUUM26mPSdR+KCa1mpCoEbMAvGwaN',
    'IG8bRb+RslTGG6CWfKCdl7bjdSniBsjoUU7WUC17lwCqKzKru2KNYlK3yLmzM7C5UREqaTx/A2pfYMnLIKPpWA72EE/6S6jSNWABwM57sSx/1n/q',
    'AmI3oxYOllLqKgiDVpJiqyw9IKs44iS6IRVggTrapKk01nSr16wcd4noHK5jsmqI8oKwg3dXAA/zpEGPhKiCHAipFnY0+8Wqu0XC5o7LZqSQBUgW',
    'GAZPsyJluUd6+itxnEhFlI6kYhi13DuCQpDjYadXx2CyZ6WHYkPuRRjMuyJwTIt1xcDRBVK4VjbKcIyqnH2A8oxucBQS5XcIIBggSICLZlgaaC6V',
    '2aYihz30nFqkug1K0ASiMrlO+U4JvKHfsqxcRSEOsIRQN50/tpfgsLSEF3wN7E4ybH58uwVA07P0dbyjErqR95kfcW5QED8nVcUi84J8GjrsWjWG',
    '0FVahKwgdCQR27Sx4M9Fk6n5kh7JZ3TfhCeqYFkolpwlC1ggDB2ni7o54jrZo6AAVrwylMY8ym2TqxHCtHB4OHqp8ZjrA0arRrAFxx2PqllIlnZQ',
    '6GX/w5bpeapHVATAZEzl6ae2E1/SHGOwk3fISSM9V4C005pLNXDV4iHty6rGWoiV7MzrMJEi9hPid8ynVpmz87fst72S+ZEfSI2tgYfPMjBKiHjU',
    'aDLM2wTl5a57kr9qw0Ats75a87EARpf46VdzhE2mY3gdgZffh064qs7OyAk/GocddTfMhATBpIg2drd0xVqRdDVg5xgKCbXyCDsSFASKmpxOG2Wa',
    '8XpjOoTasa6mtjqqgsmpJ53JCRgOQlciO1dK95iz6lesNK0v8cUq4QaLKii8hmbNhxMcxGswxV+cAE5RRoTcLCVt6Ha5t53OmQk7BDfcu1t8FayN',
    'MVabAVKQ9JyVGW8V0iYZwqjNBH8np3RWmU+y2bDdJS/8yYARysNpUVkCWYiLuTQU9oA+dmCAcRz5R7Um9ZKMlSqce5pHZlTccoeURCc2xSINahLf',
    'ihtb6FkOoS9bW1hc8S5BCYaXOGKrExf79T7HsA0kozsgWkN7aIBdsp130Ww7bFUZKrRtZXNuCqvSBxViWSlLhVB0ug0oE4/BqJV7iLRK8Rn3QjVu',
    'sL/9VBjv4qjmYyEptIqMqJsVUJwQSQBNMDpDZVF0WAIV5rpvFJS8I2rMXBlZR09ww3hFih+Lck60iwYmiSokGEuypWrGISKKoChEy1vv0KrYaxwO',
    '1SLsOUAiR2OxQRwBW1+tBH1Kgs7AgWwHyn+Kyntk9xlRolkZk5HQskxklV1DZsmb0Lz0Y5bdwWmwJnuiFZkaF5e9ew2xgUz3uSBgaH9h9Mvuk3/o',
    'dDkCd5k3kO7VIEU6b2akMeNs+ri4nt3b1p3b3fY6AEVOqy0d4hN+O+hvApPG+d/sKV9MAB0AIK+cpjgoSRNhBW+n5uQIKEYvJhr+7xnEvKeKcY4M',
    'jCgsAAUABQEAAAAAABIAAAAtAAIBAQAAABUAEwAAEHd3dy5zaG9wLmV4YW1wbGUAGwADAgACAA0AGgAYmpoJBAkFCQYEAwgEBAEFAwgFBQEIBgYB',
    'ABcAAAAjAAAAKwAHBvr6AwQDA4qKAAEA',
  ].join(''),
  'base64',
)
