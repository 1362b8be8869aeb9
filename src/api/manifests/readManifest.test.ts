import { readManifest } from './readManifest.ts';

const origin = { source: 'file', location: '/manifests/web.yaml', nodeName: 'node-a' } as const;
const cluster = { standalone: false, preventApiReferences: true };
const read = (text: string, rules = cluster) => readManifest(text, origin, rules);
const pod = (spec: string, meta = 'name: web') => `apiVersion: v1\nkind: Pod\nmetadata: {${meta}}\nspec:\n${spec}`;
const web = pod('  containers: [{name: c, image: nginx}]');
const sentences = (text: string, rules = cluster) => read(text, rules).problems.map(({ sentence }) => sentence);

describe('a good manifest', () => {
  test('becomes a static Pod of the node with the defaults of the API server', () => {
    const { pods, problems, warnings } = read(
      pod(`  hostNetwork: true
  containers:
  - name: c
    image: registry:5000/nginx
    ports: [{containerPort: 80}]
    resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 100u}}
    livenessProbe: {httpGet: {port: 80}}
    readinessProbe: {grpc: {port: 9}}
    env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
  - {name: d, image: 'nginx:1.2'}
  - {name: e, image: 'nginx@sha256:aa'}
  volumes:
  - {name: a}
  - {name: b, hostPath: {path: /x}}
  - {name: t, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: p, projected: {sources: [{downwardAPI: {items: []}}]}}`),
    );
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
    const uid = pods[0]?.metadata.uid;
    expect(uid).toMatch(/^[0-9a-f]{32}$/);
    const common = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };
    const probe = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
    expect(pods[0]).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'web-node-a',
        namespace: 'default',
        uid,
        annotations: { 'kubernetes.io/config.hash': uid, 'kubernetes.io/config.source': 'file' },
      },
      spec: {
        hostNetwork: true,
        nodeName: 'node-a',
        dnsPolicy: 'ClusterFirst',
        restartPolicy: 'Always',
        schedulerName: 'default-scheduler',
        terminationGracePeriodSeconds: 30,
        enableServiceLinks: true,
        securityContext: {},
        tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
        containers: [
          {
            name: 'c',
            image: 'registry:5000/nginx',
            imagePullPolicy: 'Always',
            ...common,
            ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }],
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1m', memory: '1Gi' } },
            livenessProbe: { ...probe, httpGet: { port: 80, path: '/', scheme: 'HTTP' } },
            readinessProbe: { ...probe, grpc: { port: 9, service: '' } },
            env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }],
          },
          { name: 'd', image: 'nginx:1.2', imagePullPolicy: 'IfNotPresent', ...common, resources: {} },
          { name: 'e', image: 'nginx@sha256:aa', imagePullPolicy: 'IfNotPresent', ...common, resources: {} },
        ],
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'b', hostPath: { path: '/x', type: '' } },
          {
            name: 't',
            downwardAPI: {
              defaultMode: 420,
              items: [{ path: 'p', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.labels' } }],
            },
          },
          { name: 'p', projected: { defaultMode: 420, sources: [{ downwardAPI: { items: [] } }] } },
        ],
      },
      status: { phase: 'Pending' },
    });
    expect(Object.isFrozen(pods[0]?.spec.containers[0])).toBe(true);
  });

  test.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['r.io:5000/a/b', 'Always'],
    ['r.io:5000/a/b:1', 'IfNotPresent'],
    [`nginx:latest@sha256:${'0'.repeat(64)}`, 'Always'],
    [`nginx@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
    ['Not An Image', 'IfNotPresent'],
  ])('image %s is pulled %s', (image, policy) => {
    const { pods } = read(pod(`  containers: [{name: c, image: "${image}"}]`));
    expect(pods[0]?.spec.containers[0]?.imagePullPolicy).toBe(policy);
  });

  test('pod-level resources are completed (KEP-2837)', () => {
    const { pods } = read(
      pod(
        '  resources: {limits: {cpu: 2, memory: 1Gi}}\n  containers: [{name: c, image: i, resources: {requests: {cpu: 500m}}}]',
      ),
    );
    expect(pods[0]?.spec.resources).toEqual({
      limits: { cpu: '2', memory: '1Gi' },
      requests: { cpu: '500m', memory: '1Gi' },
    });
  });

  test.each([
    ['several documents', `${web}\n---\n${pod('  containers: [{name: c, image: i}]', 'name: two')}`, 2],
    [
      'a PodList',
      `apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n  spec: {containers: [{name: c, image: i}]}`,
      1,
    ],
    [
      'JSON',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'j' },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      }),
      1,
    ],
  ])('%s', (_what, text, count) => {
    expect(read(text)).toMatchObject({ problems: [], pods: { length: count } });
  });

  test('the UID follows what was written, not its order, its comments or the defaults', () => {
    const uid = (text: string, at: { source: 'file' | 'http'; location: string; nodeName: string } = origin) =>
      readManifest(text, at, cluster).pods[0]?.metadata.uid;
    expect(uid(`# hello\n${web}`)).toBe(uid(web));
    expect(uid(pod('  containers: [{image: nginx, name: c}]'))).toBe(uid(web));
    expect(uid(pod('  containers: [{name: c, image: nginx2}]'))).not.toBe(uid(web));
    expect(uid(web, { ...origin, nodeName: 'b' })).not.toBe(uid(web));
    expect(uid(web, { ...origin, location: '/other.yaml' })).not.toBe(uid(web));
    expect(uid(web, { ...origin, source: 'http' })).not.toBe(uid(web));
    expect(uid(pod('  containers: [{name: c, image: nginx}]', 'name: web, uid: abc-1'))).toBe('abc-1');
  });

  test('a toleration with a time limit gives way to the one for ever; others stay', () => {
    const { pods } = read(
      pod(
        '  tolerations: [{operator: Exists, effect: NoExecute, tolerationSeconds: 5}, {key: a, operator: Exists}]\n  containers: [{name: c, image: i}]',
      ),
    );
    expect(pods[0]?.spec.tolerations).toEqual([
      { operator: 'Exists', effect: 'NoExecute' },
      { key: 'a', operator: 'Exists' },
    ]);
  });

  test('what only the API server may set is left out; unknown fields are warned of', () => {
    const { pods, warnings } = read(
      pod(
        '  containers: [{name: c, image: i, imagePullPolice: Never}]',
        'name: w, deletionTimestamp: "2026-01-01T00:00:00Z", resourceVersion: "5"',
      ),
    );
    expect(Object.keys(pods[0]?.metadata ?? {}).sort()).toEqual(['annotations', 'name', 'namespace', 'uid']);
    expect(warnings.map((w) => w.sentence)).toEqual([
      '/manifests/web.yaml:5: Pod "w": spec.containers[0].imagePullPolice: unknown field; did you mean imagePullPolicy?',
    ]);
  });
});

describe('a bad manifest: one sentence each, in the words of the API', () => {
  const c = (more: string) => pod(`  containers: [{name: c, image: i, ${more}}]`);
  const s = (more: string) => pod(`  containers: [{name: c, image: i}]\n  ${more}`);
  const v = (volume: string) => s(`volumes: [{name: v, ${volume}}]`);
  test.each([
    ['', '/manifests/web.yaml: is empty: it must hold a Pod'],
    [
      'kind: Pod',
      '/manifests/web.yaml:1: must hold Pod or PodList of apiVersion v1, not apiVersion undefined, kind "Pod"',
    ],
    [
      'a: [',
      '/manifests/web.yaml:1: is not valid YAML or JSON: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    [
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}',
      /kind "Secret"; ConfigMaps and Secrets are read in standalone mode only/,
    ],
    [pod('  containers: [{name: c, image: i}]', ''), /metadata.name: Required value: name is needed for the pod/],
    [pod('  containers: []'), /Pod "web": spec.containers: Required value/],
    [
      pod('  containers: [{name: c, image: i}]', 'name: Web'),
      /metadata.name: Invalid value: "Web-node-a": a lowercase RFC 1123 subdomain/,
    ],
    [
      pod('  containers: [{name: c, image: i}, {name: c, image: i}]'),
      /spec.containers\[1\].name: Duplicate value: "c"/,
    ],
    [
      c('imagePullPolicy: Sometimes'),
      /imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"/,
    ],
    [
      c('env: [{name: A, value: 80}]'),
      /web.yaml:5: .*env\[0\].value: Invalid value: 80: must be a string; put quotes around 80/,
    ],
    [c('env: [{name: "A=B"}]'), /env\[0\].name: Invalid value: "A=B": a valid environment variable name/],
    [
      c('ports: [{containerPort: 99999}]'),
      /containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive/,
    ],
    [
      c('ports: [{containerPort: 1, hostPort: 2}, {containerPort: 3, hostPort: 2}]'),
      /hostPort: Duplicate value: "TCP\/\/2"/,
    ],
    [c('volumeMounts: [{name: gone, mountPath: /x}]'), /volumeMounts\[0\].name: Not found: "gone"/],
    [
      c('resources: {limits: {cpu: 1}, requests: {cpu: 2}}'),
      /requests: Invalid value: "2": must be less than or equal to cpu limit of 1/,
    ],
    [c('resources: {requests: {cpu: -1}}'), /requests\[cpu\]: Invalid value: "-1": must be greater than or equal to 0/],
    [c('resources: {limits: {cpu: 1e999999999}}'), /limits\[cpu\]: Invalid value: .*must be a quantity/],
    [
      c('livenessProbe: {httpGet: {port: 1}, exec: {command: [a]}}'),
      /livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type/,
    ],
    [c('livenessProbe: {successThreshold: 2, exec: {command: [a]}}'), /successThreshold: Invalid value: 2: must be 1/],
    [
      c('readinessProbe: {periodSeconds: -1, exec: {command: [a]}}'),
      /periodSeconds: Invalid value: -1: must be greater than or equal to 0/,
    ],
    [
      c('securityContext: {runAsUser: -1}'),
      /runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive/,
    ],
    [
      s('restartPolicy: Maybe'),
      /spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"/,
    ],
    [s('hostNetwork: "true"'), /spec.hostNetwork: Invalid value: "true": must be true or false/],
    [s('dnsPolicy: None'), /spec.dnsConfig: Required value: must provide at least one DNS nameserver/],
    [
      s('terminationGracePeriodSeconds: 99999999999999999999'),
      /terminationGracePeriodSeconds: .*must be an integer between/,
    ],
    [
      s('initContainers: [{name: i, image: i, lifecycle: {preStop: {exec: {command: [a]}}}}]'),
      /initContainers\[0\].lifecycle: Forbidden: may not be set for init containers/,
    ],
    [v('hostPath: {path: /a/../b}'), /hostPath.path: Invalid value: "\/a\/..\/b": must not contain '..'/],
    [v('emptyDir: {}, hostPath: {path: /x}'), /hostPath: Forbidden: may not specify more than 1 volume type/],
    [pod('  containers: [{name: c, image: i}]', 'name: w, uid: ../../etc'), /metadata.uid: Invalid value/],
  ] as [string, string | RegExp][])('%#', (text, expected) => {
    const found = sentences(text);
    expect(found).toHaveLength(1);
    if (typeof expected === 'string') expect(found[0]).toBe(expected);
    else expect(found[0]).toMatch(expected);
    expect(read(text).pods).toEqual([]);
  });

  test.each([
    ['  serviceAccountName: a', 'serviceaccounts'],
    ['  volumes: [{name: v, secret: {secretName: s}}]', 'secrets'],
    ['  volumes: [{name: v, configMap: {name: s}}]', 'configmaps'],
    ['  imagePullSecrets: [{name: s}]', 'secrets'],
    ['  volumes: [{name: v, persistentVolumeClaim: {claimName: s}}]', 'persistentvolumeclaims'],
    ['  volumes: [{name: v, csi: {driver: s}}]', 'csidrivers (via CSI volumes)'],
    [
      '  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]',
      'serviceaccounts (via projected volumes)',
    ],
    ['  resourceClaims: [{name: r, resourceClaimName: x}]', 'resourceclaims'],
  ])('API objects may not be named: %s', (spec, kind) => {
    const text = pod(`${spec}\n  containers: [{name: c, image: i}]`);
    expect(sentences(text)).toEqual([expect.stringContaining(`static pods may not reference ${kind}`)]);
  });

  test('standalone: ConfigMap and Secret beside the Pod', () => {
    const text = `${pod('  volumes: [{name: v, configMap: {name: s}}]\n  containers: [{name: c, image: i, envFrom: [{secretRef: {name: k}}]}]')}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: "1", __proto__: x}}
---
{apiVersion: v1, kind: Secret, metadata: {name: k, namespace: other}, stringData: {a: b}}`;
    const content = read(text, { standalone: true, preventApiReferences: true });
    expect(content.problems).toEqual([]);
    expect(content.objects.map((o) => `${o.kind}/${o.metadata?.namespace}/${o.metadata?.name}`)).toEqual([
      'ConfigMap/default/s',
      'Secret/other/k',
    ]);
  });
});
