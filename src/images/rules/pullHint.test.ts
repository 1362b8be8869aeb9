import { pullHint } from './pullHint.ts';

// What containerd 2.3 and CRI-O say, shortened in the middle.
test.each([
  [
    'rpc error: code = DeadlineExceeded desc = failed to resolve image: failed to do request: Head "http://r/v2/a/manifests/1": net/http: timeout awaiting response headers',
    /does not answer/,
  ],
  [
    'failed to pull and unpack image "r:5/a": failed to resolve reference "r:5/a": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
    /imagePullSecrets/,
  ],
  [
    'failed to resolve reference "r:5/a:1": failed to authorize: failed to fetch oauth token: unexpected status from GET request to http://r/token: 401 Unauthorized',
    /imagePullSecrets/,
  ],
  [
    'failed to resolve reference "r:5/a:1": unexpected status from HEAD request to http://r:5/v2/a/manifests/1: 403 Forbidden',
    /may not pull/,
  ],
  [
    'failed to resolve reference "r:5/a:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    /imagePullSecrets/,
  ],
  [
    'rpc error: code = NotFound desc = failed to pull and unpack image "r:5/a:1": failed to resolve reference "r:5/a:1": r:5/a:1: not found',
    /no such image/,
  ],
  [
    'failed to copy: httpReadSeeker: failed open: unexpected status from GET request to http://r:5/v2/a/blobs/sha256:0: 429 Too Many Requests',
    /limits how often/,
  ],
  [
    'failed to do request: Head "https://r:5/v2/a/manifests/1": dial tcp 10.0.0.1:5: connect: connection refused',
    /does not reach/,
  ],
  ['failed to do request: Head "https://nowhere/v2/a/manifests/1": dial tcp: lookup nowhere: no such host', /resolve/],
  ['failed to do request: Head "https://r:5/v2/": http: server gave HTTP response to HTTPS client', /speaks HTTP/],
  [
    'failed to do request: Head "https://r:5/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    /trust/,
  ],
  [
    'failed to copy: httpReadSeeker: failed open: failed to do request: Get "http://r:5/x": stopped after 10 redirects',
    /circle/,
  ],
  ['failed to copy: read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer', /broke/],
  [
    'failed commit on ref "layer-sha256:0": unexpected commit digest sha256:1, expected sha256:0: failed precondition',
    /not what the manifest names/,
  ],
  [
    'failed to extract layer sha256:0: failed to get stream processor for application/vnd.oci.image.layer.v1.tar+gzip: gzip: invalid header',
    /no archive/,
  ],
  ['failed to pull and unpack image "r:5/a:1": no match for platform in manifest: not found', /architecture/],
  ['write /var/lib/containerd/x: no space left on device', /full/],
  ['unexpected status from HEAD request to http://r:5/v2/a/manifests/1: 503 Service Unavailable', /fault of its own/],
  ['image pull failed for a because the registry is unavailable: connection closed', /fault of its own/],
  ['image pull failed for a because the signature validation failed: policy', /signature/],
])('%s', (message, hint) => {
  expect(pullHint(message)).toMatch(hint);
});

test('what is not known has no hint, and a long message costs little', () => {
  expect(pullHint('something new')).toBeUndefined();
  expect(pullHint(`${'x'.repeat(9000)} not found`)).toBeUndefined();
});
