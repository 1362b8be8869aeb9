import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatDuration, parseDuration } from '../k8s/duration.ts';
import { toConfigz } from './configz.ts';
import { resolveGates } from './featureGates.ts';
import { parseFlags } from './flags.ts';
import { DEFAULT_EVICTION_HARD, loadConfiguration } from './load.ts';
import { hostProblems } from './validate.ts';

const HEADER = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text: string, header = HEADER): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, header + text);
  return path;
}
const load = (...args: string[]) => loadConfiguration(parseFlags(args));
const loadFile = (text: string, ...args: string[]) => load(`--config=${write('c.yaml', text)}`, ...args);
function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message.replaceAll(`${directory}/`, '');
  }
  throw new Error('it was accepted');
}

describe('defaults', () => {
  test('without a file they are those of a file: nobody gets in unasked', () => {
    const { config, warnings } = load();
    expect(config.authentication.anonymous.enabled).toBe(false);
    expect(config.authentication.webhook.enabled).toBe(true);
    expect(config.authorization.mode).toBe('Webhook');
    expect(config.readOnlyPort).toBe(0);
    expect(config.evictionHard).toEqual(DEFAULT_EVICTION_HARD);
    expect(config).toEqual(loadFile('').config);
    expect(warnings).toEqual([]);
    expect(Object.isFrozen(config.authentication.webhook)).toBe(true);
  });

  test('that depend on other fields', () => {
    expect(loadFile('nodeStatusUpdateFrequency: 30s').config.nodeStatusReportFrequency).toBe(30_000);
    expect(loadFile('maxParallelImagePulls: 4').config.serializeImagePulls).toBe(false);
    expect(loadFile('maxParallelImagePulls: 1').config.serializeImagePulls).toBe(true);
    expect(loadFile('podPidsLimit: -5').config.podPidsLimit).toBe(-1);
    expect(loadFile('port: 0\nsyncFrequency: 0s').config).toMatchObject({ port: 10250, syncFrequency: 60_000 });
    expect(loadFile('userNamespaces: {}').config.userNamespaces).toEqual({ idsPerPod: 65536 });
    expect(load().config.userNamespaces).toBeUndefined();
    expect(loadFile('featureGates: {KubeletCrashLoopBackOffMax: false}').config.crashLoopBackOff).toEqual({});
    expect(loadFile('featureGates: {ReduceDefaultCrashLoopBackOffDecay: true}').config.crashLoopBackOff).toEqual({
      maxContainerRestartPeriod: 60_000,
    });
  });

  test('evictionHard: one of its own replaces all, unless merging is asked for; empty means none', () => {
    expect(loadFile('evictionHard: {memory.available: 1Gi}').config.evictionHard).toEqual({
      'memory.available': '1Gi',
    });
    expect(loadFile('evictionHard: {}').config.evictionHard).toEqual({});
    const merged = loadFile('evictionHard: {memory.available: 1Gi}\nmergeDefaultEvictionSettings: true').config;
    expect(merged.evictionHard).toEqual({ ...DEFAULT_EVICTION_HARD, 'memory.available': '1Gi' });
  });

  test('defaults of evictionHard are merged into the file, before the drop-ins', () => {
    const file = write('c.yaml', 'evictionHard: {memory.available: 1Gi}');
    write('d/10.conf', 'mergeDefaultEvictionSettings: true\nevictionHard: {pid.available: "5"}');
    const { config } = load(`--config=${file}`, `--config-dir=${join(directory, 'd')}`);
    expect(config.evictionHard).toEqual({ 'memory.available': '1Gi', 'pid.available': '5' });
  });
});

describe('precedence', () => {
  test('flags over drop-ins over file over defaults; gates merge by name; drop-ins in lexical order, sub-directories too', () => {
    const file = write(
      'c.yaml',
      'maxPods: 1\npodsPerCore: 1\neventBurst: 1\nfeatureGates: {AllAlpha: false, EventedPLEG: true}',
    );
    write('d/20.conf', 'podsPerCore: 3\nfeatureGates: {EventedPLEG: false, PodsAPI: true}');
    write('d/10.conf', 'podsPerCore: 2\neventBurst: 2\nmaxPods: 2');
    write('d/30/x.conf', 'registryBurst: 9\neventBurst: null\nevictionHard: {memory.available: 5%}');
    write('d/ignored.yaml', 'maxPods: oops', '');
    const { config, gates } = load(
      `--config=${file}`,
      `--config-dir=${join(directory, 'd')}`,
      '--max-pods=9',
      '--feature-gates=PodsAPI=false,ContainerStopSignals=true',
    );
    expect(config).toMatchObject({ maxPods: 9, podsPerCore: 3, registryBurst: 9, eventBurst: 100 });
    expect(config.featureGates).toEqual({
      AllAlpha: false,
      EventedPLEG: false,
      PodsAPI: false,
      ContainerStopSignals: true,
    });
    expect(config.evictionHard).toEqual({ ...DEFAULT_EVICTION_HARD, 'memory.available': '5%' });
    expect([
      gates.enabled('PodsAPI'),
      gates.enabled('ContainerStopSignals'),
      gates.enabled('GracefulNodeShutdown'),
    ]).toEqual([false, true, true]);
  });

  test('a flag replaces a map of the file', () => {
    expect(
      loadFile('systemReserved: {cpu: 1}'.replace('1', '"1"'), '--system-reserved=memory=1Gi').config.systemReserved,
    ).toEqual({ memory: '1Gi' });
  });

  test('relative paths in a file start at the file', () => {
    const { config } = loadFile('staticPodPath: manifests\nauthentication: {x509: {clientCAFile: pki/ca.crt}}');
    expect(config.staticPodPath).toBe(join(directory, 'manifests'));
    expect(config.authentication.x509.clientCAFile).toBe(join(directory, 'pki/ca.crt'));
  });
});

describe('refused with file, line, path and what is allowed', () => {
  test.each([
    ['maxPod: 5', 'c.yaml:3: maxPod is not a field of KubeletConfiguration; did you mean maxPods?'],
    ['maxPods: "5"', 'c.yaml:3: maxPods must be an integer, not "5"'],
    ['maxPods: 5.5', 'c.yaml:3: maxPods must be an integer, not 5.5'],
    ['maxPods: -1', 'c.yaml:3: maxPods must be at least 0, not -1'],
    ['\nport: 70000', 'c.yaml:4: port must be between 1 and 65535, not 70000'],
    ['clusterDomain: 5', 'c.yaml:3: clusterDomain must be a string; put quotes around 5, not 5'],
    ['clusterDNS: 10.0.0.1', 'c.yaml:3: clusterDNS must be a list of strings, not "10.0.0.1"'],
    [
      'authentication:\n  webhook:\n    enabled: "yes"',
      'c.yaml:5: authentication.webhook.enabled must be true or false, not "yes"',
    ],
    [
      'authentication: {webhook: {cacheTTL: 5}}',
      "c.yaml:3: authentication.webhook.cacheTTL must be a duration such as '1m30s' (units ns, us, ms, s, m, h), not 5",
    ],
    [
      'authentication: {webhook: {ttl: 5s}}',
      'c.yaml:3: authentication.webhook.ttl is not a field of KubeletConfiguration. Allowed here: enabled, cacheTTL.',
    ],
    ['authentication: true', 'c.yaml:3: authentication must be a map with the fields x509, webhook, anonymous'],
    [
      'registerWithTaints:\n- {key: a, effect: Never}',
      'c.yaml:4: registerWithTaints[0].effect must be one of "NoSchedule", "PreferNoSchedule", "NoExecute", not "Never"',
    ],
    ['registerWithTaints: [{key: a}]', 'c.yaml:3: registerWithTaints[0] must have the field effect'],
    ['cpuCFSQuotaPeriod: 2s', 'c.yaml:3: cpuCFSQuotaPeriod must be between 1ms and 1s, not "2s"'],
    ['runOnce: true', 'c.yaml:3: runOnce must be false: kubelet has no run-once mode any more, not true'],
    [
      'podLogsDir: /var//log',
      "c.yaml:3: podLogsDir must be normalized: no '//', '.', '..' or trailing '/', not \"/var//log\"",
    ],
    ['maxPods: 1\nmaxPods: 2', 'c.yaml:4: Map keys must be unique'],
    [
      'evictionHard: {memory.availabel: 1Gi}',
      /^c.yaml:3: evictionHard names the unknown signal "memory.availabel"; known are memory.available/,
    ],
    [
      'evictionHard: {memory.available: 101%}',
      /^c.yaml:3: evictionHard must hold a quantity or a percentage up to 100%/,
    ],
    [
      'evictionHard: {memory.available: "0"}',
      /^c.yaml:3: evictionHard must hold more than nothing for memory.available, not "0"$/,
    ],
    [
      'evictionMinimumReclaim: {memory.available: 0%}',
      /^c.yaml:3: evictionMinimumReclaim must hold more than nothing for memory.available, not "0%"$/,
    ],
    [
      'evictionSoft: {memory.available: 1Gi}',
      /^c.yaml:3: evictionSoft needs a grace period for memory.available in evictionSoftGracePeriod$/,
    ],
    [
      'imageGCLowThresholdPercent: 90',
      /^c.yaml:3: imageGCLowThresholdPercent must be less than imageGCHighThresholdPercent \(85\), not 90$/,
    ],
    ['imageMaximumGCAge: 1m', /imageMaximumGCAge must be 0 or more than imageMinimumGCAge \(2m0s\)$/],
    ['serializeImagePulls: true\nmaxParallelImagePulls: 2', /^c.yaml:4: maxParallelImagePulls must be 1 or unset/],
    ['shutdownGracePeriod: 500ms', /must be either zero or at least 1s, not "500ms"$/],
    ['enforceNodeAllocatable: [pods, none]', /may not contain anything else when "none" is in it$/],
    ['enforceNodeAllocatable: [system-reserved]', /needs systemReservedCgroup \(--system-reserved-cgroup\) to be set/],
    ['kubeReserved: {gpu: "1"}', /kubeReserved cannot reserve "gpu"; allowed are cpu, memory, ephemeral-storage, pid$/],
    ['memoryReservationPolicy: TieredReservation', /requires the feature gate MemoryQoS, which is off$/],
    ['featureGates: {NoSuchGate: true}', /^c.yaml:3: featureGates unrecognized feature gate: NoSuchGate$/],
    ['featureGates: {NodeSwap: false}', /cannot set feature gate NodeSwap to false, feature is locked to true$/],
    [
      'featureGates: {NodeDeclaredFeatures: false}',
      /is enabled, but depends on features that are disabled: \[NodeDeclaredFeatures\]$/m,
    ],
    [
      'shutdownGracePeriodByPodPriority: [{priority: 1}]',
      'c.yaml:3: shutdownGracePeriodByPodPriority[0] must have the field shutdownGracePeriodSeconds',
    ],
    ['reservedMemory: [{numaNode: 0, limits: {memory: "0"}}]', /may not be zero for memory of NUMA node 0$/],
    ['a: &a [*a]', /refers to nothing before it$/],
  ] as [string, string | RegExp][])('%s', (text, expected) => {
    const message = refused(() => loadFile(text));
    if (typeof expected === 'string') expect(message).toBe(expected);
    else expect(message).toMatch(expected);
  });

  test.each([
    ['', '', 'c.yaml:1: must hold a KubeletConfiguration (a map with apiVersion kubelet.config.k8s.io/v1beta1)'],
    ['', 'kind: KubeletConfiguration', 'c.yaml:1: apiVersion must be kubelet.config.k8s.io/v1beta1, not undefined'],
    [HEADER, '---\na: b', 'c.yaml:4: holds more than one document; one KubeletConfiguration is allowed'],
  ])('%j %j', (header, text, expected) => {
    expect(refused(() => load(`--config=${write('c.yaml', text, header)}`))).toBe(expected);
  });

  test('a missing file, a broken drop-in, and a flag that breaks a file', () => {
    expect(refused(() => load(`--config=${join(directory, 'gone')}`))).toMatch(/^gone: cannot be read: ENOENT/);
    write('d/1.conf', 'maxPods: x');
    expect(refused(() => load(`--config-dir=${join(directory, 'd')}`))).toBe(
      'd/1.conf:3: maxPods must be an integer, not "x"',
    );
    expect(refused(() => load('--image-gc-low-threshold=95'))).toMatch(/^--image-gc-low-threshold must be less than/);
  });
});

test('what the host cannot give', () => {
  const problems = (text: string, cgroupV2: boolean) =>
    hostProblems(loadFile(text).config, { cgroupV2 }).map((p) => p.path);
  expect(problems('', true)).toEqual([]);
  expect(problems('', false)).toEqual(['failCgroupV1']);
  expect(problems('failCgroupV1: false', false)).toEqual([]);
  expect(problems('failCgroupV1: false\nsingleProcessOOMKill: false', false)).toEqual(['singleProcessOOMKill']);
});

test('what is known but not acted on is warned of with its place; what equals its default is not', () => {
  const { warnings } = loadFile(
    'hairpinMode: none\nconfigMapAndSecretChangeDetectionStrategy: Cache\nlocalStorageCapacityIsolation: true',
    '--vmodule=x=2',
    '--boot-id-file=x',
  );
  const text = warnings.map((w) => w.replace(`${directory}/`, ''));
  expect(text).toEqual([
    expect.stringMatching(/^c.yaml:4: configMapAndSecretChangeDetectionStrategy is accepted but not yet acted on: /),
    expect.stringMatching(/^c.yaml:3: hairpinMode has no effect and can be removed: /),
    expect.stringMatching(/^--vmodule is accepted but not yet acted on: /),
    expect.stringMatching(/^--boot-id-file has no effect/),
  ]);
});

test('tracing: absent unless given, with kubelet’s limits', () => {
  expect(loadFile('').config.tracing).toBeUndefined();
  const given = loadFile('tracing: {endpoint: "dns:///collector:4317", samplingRatePerMillion: 1000000}');
  expect(given.warnings).toEqual([]);
  expect(given.config.tracing).toEqual({ endpoint: 'dns:///collector:4317', samplingRatePerMillion: 1_000_000 });
  expect(loadFile('tracing: {}').config.tracing).toEqual({});
});

test.each([
  ['samplingRatePerMillion: -1', /tracing.samplingRatePerMillion must be/],
  ['samplingRatePerMillion: 1000001', /tracing.samplingRatePerMillion must be/],
  ['endpoint: "http://localhost:4317"', /tracing.endpoint must be host:port.*'http:\/\/' is not supported/],
])('tracing: {%s} is refused', (text, why) => {
  expect(refused(() => loadFile(`tracing: {${text}}`))).toMatch(why);
});

test('what is different on purpose is warned of in its own words', () => {
  const { warnings } = loadFile('systemCgroups: /x\ncgroupRoot: /\nsyncFrequency: 5s', '--housekeeping-interval=1s');
  const text = warnings.map((w) => w.replace(`${directory}/`, ''));
  expect(text.sort()).toEqual([
    expect.stringMatching(/^--housekeeping-interval changes nothing here: How often statistics/),
    expect.stringMatching(/^c.yaml:\d: systemCgroups changes nothing here: .*no process is moved/),
    expect.stringMatching(/^c.yaml:\d: syncFrequency changes nothing here: /),
  ]);
});

test.each(['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'])(
  'who may use an image is decided by %s without a warning',
  (policy) => {
    expect(loadFile(`imagePullCredentialsVerificationPolicy: ${policy}`).warnings).toEqual([]);
  },
);

test.each([
  ['preloadedImagesVerificationAllowlist: [a]', /preloadedImagesVerificationAllowlist must be empty unless/],
  [
    'imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: ["a:1"]',
    /must hold image patterns: neither tag nor digest is accepted in an image reference: a:1/,
  ],
  [
    'imagePullCredentialsVerificationPolicy: AlwaysVerify\nfeatureGates: {KubeletEnsureSecretPulledImages: false}',
    /requires the feature gate KubeletEnsureSecretPulledImages, which is off/,
  ],
])('who may use an image: %s is refused', (text, problem) => {
  expect(() => loadFile(text)).toThrow(problem);
});

test('configz: durations in Go notation, headers as they are; it can be loaded again', () => {
  const { config } = loadFile('staticPodURLHeader: {Authorization: [secret]}\nsyncFrequency: 90s');
  const { kubeletconfig } = toConfigz(config);
  expect(kubeletconfig).toMatchObject({
    syncFrequency: '1m30s',
    staticPodURLHeader: { Authorization: ['secret'] },
    maxPods: 110,
  });
  for (const name of ['podsPerCore', 'rotateCertificates', 'serverTLSBootstrap', 'enableContentionProfiling'])
    expect(kubeletconfig).not.toHaveProperty(name);
  expect(toConfigz(loadFile('podsPerCore: 5').config).kubeletconfig).toHaveProperty('podsPerCore', 5);
  // The pair that is made when none is set is not shown.
  for (const name of ['tlsCertFile', 'tlsPrivateKeyFile']) expect(kubeletconfig).not.toHaveProperty(name);
  const pair = { tlsCertFile: '/c.crt', tlsPrivateKeyFile: '/c.key' };
  expect(toConfigz(loadFile('tlsCertFile: /c.crt\ntlsPrivateKeyFile: /c.key').config).kubeletconfig).toMatchObject(
    pair,
  );
  const shown = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...kubeletconfig };
  const again = load(`--config=${write('again.json', JSON.stringify(shown), '')}`).config;
  expect(again).toEqual(config);
});

describe('durations', () => {
  test.each([
    ['0', 0, '0s'],
    ['1m30s', 90_000, '1m30s'],
    ['1.5h', 5_400_000, '1h30m0s'],
    ['100ms', 100, '100ms'],
    ['-2m', -120_000, '-2m0s'],
    ['1h0.001s', 3_600_001, '1h0m0.001s'],
    ['250us', 0.25, '250µs'],
    ['15ns', 0.000015, '15ns'],
    ['.5s', 500, '500ms'],
  ])('%s', (text, ms, printed) => {
    expect(parseDuration(text)).toBe(ms);
    expect(formatDuration(ms)).toBe(printed);
  });
  test.each(['', '1', '1 s', 's', '1d', '1m30', '1..5s', '--1s', '1e3s', '999999999h', `${'1s'.repeat(99)}`])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

test('feature gates: AllBeta gives way to a gate named by itself, whatever the order', () => {
  for (const wanted of [
    { AllBeta: true, SELinuxMount: false },
    { SELinuxMount: false, AllBeta: true },
  ]) {
    const { gates } = resolveGates(wanted);
    expect([gates.enabled('SELinuxMount'), gates.enabled('ClusterTrustBundleProjection')]).toEqual([false, true]);
  }
  expect(resolveGates({ AllAlpha: true }).gates.enabled('EventedPLEG')).toBe(true);
  expect(resolveGates({ NodeSwap: true }).warnings).toHaveLength(1);
  expect(resolveGates({ PodsAPi: true }).errors).toEqual([
    'unrecognized feature gate: PodsAPi (did you mean PodsAPI?)',
  ]);
});
