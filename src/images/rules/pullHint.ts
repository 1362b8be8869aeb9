/** What a runtime says of a failed pull, and what to do about it. The first that fits counts: the more telling words come first. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:rpc error: code = \w+ desc = )?SignatureValidationFailed|because the signature validation failed/,
    'the image has no signature that the node’s policy takes: sign it, or change the policy of the runtime',
  ],
  [/pull QPS exceeded/, 'registryPullQPS is used up; it is tried again by itself'],
  [/no space left on device/, 'the disk of the runtime is full: remove images, or make it larger'],
  [
    /(?:no match for platform|no image found in (?:image index|manifest list) for)/,
    'the image is not built for this node’s architecture',
  ],
  [
    /server gave HTTP response to HTTPS client/,
    'the registry speaks HTTP: the runtime has to be told so (containerd: certs.d/HOST/hosts.toml)',
  ],
  [
    /x509:|tls: failed to verify|certificate (?:signed by unknown authority|has expired)/,
    'the node does not trust the registry’s certificate: give the runtime its CA (containerd: certs.d/HOST/hosts.toml)',
  ],
  [
    /unexpected commit digest|unexpected commit size|digest mismatch|does not match (?:the )?digest|failed size validation/i,
    'what came is not what the manifest names: a proxy or mirror on the way changes it, or the registry’s storage is broken',
  ],
  [
    /failed to (?:extract|apply) layer|gzip: invalid|invalid tar header|failed to (?:get stream processor|decompress)|invalid magic number/i,
    'a layer is no archive that can be unpacked: build and push the image again',
  ],
  [
    /429 Too Many Requests|toomanyrequests/i,
    'the registry limits how often it may be asked: it is tried again by itself; credentials or a mirror raise the limit',
  ],
  [
    /authorization failed|401 Unauthorized|authentication required|no basic auth credentials/i,
    'the registry takes no credentials of this Pod: look at its imagePullSecrets, and whether the Secret’s host is that of the image',
  ],
  [
    /403 Forbidden|insufficient_scope|pull access denied|requested access to the resource is denied/i,
    'the credentials may not pull this repository, or it is not there',
  ],
  [/stopped after 10 redirects/, 'the registry sends the node in a circle: its address behind a proxy is set wrongly'],
  [
    /timeout awaiting response headers/,
    'the registry takes connections and does not answer: it is overloaded, or what stands before it is',
  ],
  [
    /no such host|server misbehaving|Temporary failure in name resolution/i,
    'the node cannot resolve the registry’s name: look at the image’s name and the node’s DNS',
  ],
  [
    /connection refused|no route to host|network is unreachable|i\/o timeout|TLS handshake timeout|Client\.Timeout|context deadline exceeded|dial tcp/i,
    'the node does not reach the registry: look at its name and port, the proxy and the firewall',
  ],
  [
    /unexpected EOF|connection reset by peer|failed to copy|stream error/i,
    'the connection broke while a layer came; what has come is kept, and it is tried again by itself',
  ],
  [
    /5\d\d (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Timeout)|because the registry is unavailable|^(?:rpc error: code = \w+ desc = )?RegistryUnavailable/,
    'the registry has a fault of its own; it is tried again by itself',
  ],
  [
    /not found|manifest unknown|name unknown/i,
    'there is no such image: look at repository and tag; some registries say so as well when credentials are missing',
  ],
];

/** More of a message is not looked at; a registry chooses much of it. */
const LOOKED_AT = 8192;

/** One sentence on what to do about a failed pull; undefined when its words are not known. For `why`: messages stay the runtime's. */
export function pullHint(message: string): string | undefined {
  const text = message.slice(0, LOOKED_AT);
  return HINTS.find(([words]) => words.test(text))?.[1];
}

/** The same for ErrImageNeverPull: to a Pod that may not use an image it is as if it were not there. */
export const neverPullHint =
  'load the image onto the node, or choose another pull policy; one that is there counts only for Pods whose credentials may pull it';
