// The kubelet's endpoints through the API server, and the rights that each one asks for.
import { admin, kubectlOk, kubectlRaw, makePod, onNode, proxy, removePods, type Stage, same } from './stage.ts';

/** What each endpoint must hold. */
const CONTENTS: readonly (readonly [path: string, holds: RegExp])[] = [
  ['healthz', /^ok$/],
  ['healthz/syncloop', /^ok$/],
  ['configz', /"kubeletconfig":\{"kind":"KubeletConfiguration"/],
  ['pods', /"kind":"PodList"/],
  ['runningpods/', /"name":"srv-n"/],
  ['logs/', /<a href="pods\/">pods\/<\/a>/],
  ['metrics', /^kubelet_running_pods \d/m],
  ['metrics/resource', /^container_cpu_usage_seconds_total\{container="main",[^}]*pod="srv-n"\} \d/m],
  ['metrics/cadvisor', /^container_memory_working_set_bytes\{container="main",[^}]*pod="srv-n"\} [1-9]\d* \d+$/m],
  ['metrics/cadvisor', /^container_cpu_usage_seconds_total\{container="main",[^}]*pod="srv-n",cpu="total"\} 0?\.?\d/m],
  ['metrics/cadvisor', /^container_network_receive_bytes_total\{container="",[^}]*pod="srv-n",interface="eth0"\} \d/m],
  ['metrics/cadvisor', /^container_processes\{container="main",[^}]*pod="srv-n"\} 1 /m],
  ['metrics/cadvisor', /^container_fs_usage_bytes\{container="main",[^}]*pod="srv-n",device=[^}]*\} \d/m],
  ['metrics/cadvisor', /^container_spec_memory_limit_bytes\{container="main",[^}]*pod="srv-n"\} 41943040$/m],
  ['metrics/cadvisor', /^machine_cpu_cores\{[^}]*\} [1-9]/m],
  ['metrics/probes', /^prober_probe_total\{probe_type="Readiness",[^}]*pod="srv-n",[^}]*\} \d/m],
  ['metrics/slis', /^kubernetes_healthcheck\{name="syncloop",type="healthz"\} 1$/m],
  ['stats/summary', /"podRef":\{"name":"srv-n"/],
  ['stats/summary', /"systemContainers":\[\{"name":"kubelet",.*\{"name":"pods",/],
  ['flagz', /^kubeconfig=\//m],
  ['statusz', /^Binary version: 1\.36\.3$/m],
  ['debug/pprof/cmdline', /kubeconfig/],
  ['debug/pprof/goroutine', /^\d+ TCPSocketWrap$/m],
];

/** Every endpoint by `kubectl get --raw`. */
export async function routes(stage: Stage): Promise<void> {
  const { cluster, namespace, checks } = stage;
  await makePod(stage, 'srv-n', 'exec sleep 9999', {
    container: {
      readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
      resources: { limits: { memory: '40Mi' } },
    },
  });
  const get = async (rest: string) => (await kubectlRaw(stage, ['get', '--raw', proxy(cluster, rest)])).bytes;
  const contents = [...CONTENTS, [`debug/pods/${namespace}/srv-n/why`, /srv-n/] as const];
  for (const [rest, holds] of contents) {
    await checks.check(`get --raw …/proxy/${rest} holds ${holds}`, async () => {
      const found = (await get(rest)).toString();
      return holds.test(found) ? undefined : `${found.length} characters: ${found.slice(0, 300)}`;
    });
  }
  await checks.check('a heap profile is what pprof reads', async () => {
    const profile = await get('debug/pprof/heap?seconds=1');
    const isGzip = profile.length > 100 && profile.readUInt16BE(0) === 0x1f8b;
    return isGzip ? undefined : `${profile.length} bytes: ${profile.toString().slice(0, 200)}`;
  });
  await removePods(stage, 'srv-n');
}

/** Straight to the node, past the API server: who may not, may not; paths never lead out of /var/log. */
export async function rights(stage: Stage): Promise<void> {
  const { cluster, namespace, checks } = stage;
  const { files } = admin(cluster);
  const asAdmin = ['--cert', files.cert, '--key', files.key];
  const ask = async (target: string, ...args: string[]) => {
    const url = `https://172.30.0.10:10250${target}`;
    return (await onNode(cluster, 'network', 'curl', '-sk', '--path-as-is', '-w', ' %{http_code}', ...args, url))
      .stdout;
  };
  const token = (await kubectlOk(stage, 'create', 'token', 'default')).trim();
  await checks.check('without credentials: 401', async () => same(await ask('/pods'), 'Unauthorized 401'));
  await checks.check('with a token that nobody issued: 401', async () =>
    same(await ask('/pods', '-H', 'Authorization: Bearer nonsense'), 'Unauthorized 401'),
  );
  await checks.check('with a token without rights: 403', async () => {
    const found = await ask('/exec/default/p/main?command=id&output=1', '-H', `Authorization: Bearer ${token}`);
    const user = `user=system:serviceaccount:${namespace}:default, verb=get, resource=nodes, subresource(s)=[proxy]`;
    return same(found, `Forbidden (${user})\n 403`);
  });
  await checks.check('with a client certificate: 200', async () => same(await ask('/healthz', ...asAdmin), 'ok 200'));
  const link = `/var/log/srv-link-${namespace}`;
  await onNode(cluster, 'node', 'ln', '-sfn', '/etc', link);
  for (const target of [
    '/logs/../../etc/passwd',
    '/logs/..%2f..%2fetc/passwd',
    '/logs/%2e%2e/%2e%2e/etc/passwd',
    '/logs//etc/passwd',
    '/logs/pods/..%00/passwd',
    `/logs/srv-link-${namespace}/passwd`,
    '/logs/%zz',
    '/pods?%zz=%',
    '/containerLogs/../../etc/passwd/main',
    '/debug/pods/..%2f..%2fx/why',
  ]) {
    await checks.check(`${target} is refused`, async () => {
      const found = await ask(target, ...asAdmin);
      return / 40[04]$/.test(found) && !found.includes('root:') ? undefined : found.slice(0, 200);
    });
  }
  await onNode(cluster, 'node', 'rm', '-f', link);
}
