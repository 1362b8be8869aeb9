import { endpointProblem } from '../../tracing/rules/endpoint.ts';
import { bool, duration, headerMap, int32, ints, list, object, optional, quantity, str, strings } from '../schema.ts';
import { ipAddress, portOrZero, supported } from './checks.ts';

const TLS_VERSIONS = ['', 'VersionTLS10', 'VersionTLS11', 'VersionTLS12', 'VersionTLS13'];

/** The HTTPS server: addresses, certificates, who may ask. */
export const serverFields = {
  enableServer: bool(true, 'Serve the kubelet API', supported),
  address: str('0.0.0.0', "IP address to serve on; '0.0.0.0' or '::' for all interfaces", {
    ...supported,
    check: ipAddress,
    zeroIsUnset: true,
  }),
  port: int32(10250, 'Port to serve on', { ...supported, min: 1, max: 65535, zeroIsUnset: true }),
  readOnlyPort: int32(0, 'Port of the server without authentication; 0 disables it', { ...supported, ...portOrZero }),
  healthzPort: int32(10248, 'Port of the healthz endpoint; 0 disables it', { ...supported, ...portOrZero }),
  healthzBindAddress: str('127.0.0.1', 'IP address of the healthz endpoint', {
    ...supported,
    check: ipAddress,
    zeroIsUnset: true,
  }),
  tlsCertFile: str('', 'Serving certificate with its intermediates; one is made in --cert-dir when empty', {
    ...supported,
    relativeToFile: true,
  }),
  tlsPrivateKeyFile: str('', 'Private key of tlsCertFile', { ...supported, relativeToFile: true }),
  tlsCipherSuites: strings([], "Cipher suites of the server, by Go's names; empty means the built-in set", supported),
  tlsCurvePreferences: ints([], 'Key exchange mechanisms by their TLS numbers, the most wanted first', supported),
  tlsMinVersion: str('', 'Lowest TLS version served; empty means TLS 1.2', { ...supported, oneOf: TLS_VERSIONS }),
  rotateCertificates: bool(false, 'Renew the client certificate by a CSR before it expires', supported),
  serverTLSBootstrap: bool(false, 'Get the serving certificate by a CSR instead of signing it oneself', supported),
  authentication: object(
    {
      x509: object(
        {
          clientCAFile: str('', 'CA file that client certificates are checked against', {
            ...supported,
            relativeToFile: true,
          }),
        },
        'Client certificates',
      ),
      webhook: object(
        {
          enabled: bool(true, 'Check bearer tokens with the TokenReview API', supported),
          cacheTTL: duration(120_000, 'How long a TokenReview answer is kept', { ...supported, zeroIsUnset: true }),
        },
        'Bearer tokens',
      ),
      anonymous: object(
        { enabled: bool(false, 'Treat requests without credentials as system:anonymous', supported) },
        'Anonymous requests',
      ),
    },
    'Who is asking',
  ),
  authorization: object(
    {
      mode: str('Webhook', 'Who may do what: Webhook asks the SubjectAccessReview API', {
        ...supported,
        oneOf: ['AlwaysAllow', 'Webhook'],
        zeroIsUnset: true,
      }),
      webhook: object(
        {
          cacheAuthorizedTTL: duration(300_000, 'How long a yes is kept', { ...supported, zeroIsUnset: true }),
          cacheUnauthorizedTTL: duration(30_000, 'How long a no is kept', { ...supported, zeroIsUnset: true }),
        },
        'SubjectAccessReview answers',
      ),
    },
    'What they may do',
  ),
  enableDebuggingHandlers: bool(true, 'Serve logs, exec, attach, port-forward and run', supported),
  enableContentionProfiling: bool(false, 'Profile lock contention; this program has no locks', {
    support: 'different',
  }),
  enableProfilingHandler: bool(true, 'Serve /debug/pprof', supported),
  enableDebugFlagsHandler: bool(true, 'Serve /debug/flags/v', supported),
  enableSystemLogHandler: bool(true, 'Serve /logs', supported),
  enableSystemLogQuery: bool(false, 'Serve queries of system logs under /logs', supported),
  streamingConnectionIdleTimeout: duration(14_400_000, 'Idle streams are not closed since kubelet 1.36', {
    support: 'no-effect',
    zeroIsUnset: true,
  }),
  showHiddenMetricsForVersion: str('', 'Previous minor version whose hidden metrics are shown; none are hidden here', {
    support: 'different',
    check: (v) => (v === '' || v === '1.35' ? undefined : "must be empty or the previous minor version, '1.35'"),
  }),
  tracing: optional(
    {
      endpoint: str(
        undefined as string | undefined,
        'Address of the OTLP collector (gRPC); localhost:4317 by default',
        {
          ...supported,
          check: (value) => (value === undefined ? undefined : endpointProblem(value)),
        },
      ),
      samplingRatePerMillion: int32(undefined as number | undefined, 'How many of a million traces are sampled', {
        ...supported,
        min: 0,
        max: 1_000_000,
      }),
    },
    'OpenTelemetry tracing',
  ),
  logging: object(
    {
      format: str('text', 'Form of the log lines', { ...supported, oneOf: ['text', 'json'], zeroIsUnset: true }),
      flushFrequency: duration(5000, 'Longest time between flushes; lines are written at once', {
        support: 'different',
        zeroIsUnset: true,
        numberIsNanoseconds: true,
      }),
      verbosity: int32(0, 'How much is logged', { ...supported, min: 0 }),
      vmodule: list(
        { filePattern: str('', 'Name of a file, * allowed'), verbosity: int32(0, 'Verbosity of the file', { min: 0 }) },
        ['filePattern', 'verbosity'],
        'Verbosity by file',
      ),
      options: object(
        {
          text: object(outputRouting(), 'Options of the text form'),
          json: object(outputRouting(), 'Options of the JSON form'),
        },
        'Options of one form',
      ),
    },
    'Logging',
  ),
} as const;

/** Static Pods, and how often things are looked at. */
export const sourceFields = {
  staticPodPath: str('', 'Directory of static Pod manifests, or one such file', { ...supported, relativeToFile: true }),
  staticPodURL: str('', 'URL of static Pod manifests', supported),
  staticPodURLHeader: headerMap({}, 'HTTP headers sent to staticPodURL', { ...supported, secret: true }),
  fileCheckFrequency: duration(20_000, 'How often staticPodPath is read again besides its events', {
    ...supported,
    zeroIsUnset: true,
  }),
  httpCheckFrequency: duration(20_000, 'How often staticPodURL is read', { ...supported, zeroIsUnset: true }),
  syncFrequency: duration(
    60_000,
    'How often Pods are synced without an event: never here; the limit of a health check follows it',
    {
      support: 'different',
      zeroIsUnset: true,
    },
  ),
  runOnce: bool(false, 'Removed from kubelet: must be false', {
    support: 'no-effect',
    check: (v) => (v ? 'must be false: kubelet has no run-once mode any more' : undefined),
  }),
  podCIDR: str('', 'Addresses of Pods, in standalone mode only', supported),
  podLogsDir: str('/var/log/pods', 'Directory of container logs', {
    ...supported,
    zeroIsUnset: true,
    check: logsDirectory,
  }),
} as const;

function outputRouting() {
  return {
    splitStream: bool(false, 'Errors to standard error, the rest to standard output'),
    infoBufferSize: quantity('0', 'Buffer for the rest when streams are split'),
  };
}

function logsDirectory(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must be an absolute path';
  const clean = path === '/' || !/\/\/|\/\.{1,2}(\/|$)|.\/$/.test(path);
  if (!clean) return "must be normalized: no '//', '.', '..' or trailing '/'";
  return /^[\x20-\x7e]*$/.test(path) ? undefined : 'must contain ASCII characters only';
}
