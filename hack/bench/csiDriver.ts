// A CSI driver on the benchmark's node, as processes: what they take must not depend on the kubelet that is measured.
import { apiRequest } from '../cluster/apiRequest.ts';
import { inside, startService } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { run } from '../lib/run.ts';
import { waitFor } from '../lib/wait.ts';
import { ensureTools } from '../tools/ensure.ts';
import { csiClass, volumesDirectory } from './claims.ts';

const driver = 'hostpath.csi.k8s.io';
const directory = `/var/lib/kubelet/plugins/${driver}`;
const data = '/var/lib/kubelet/bench-csi-data';

const objects = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: driver },
    // What an attacher takes is not the node's time.
    spec: { attachRequired: false, podInfoOnMount: false, fsGroupPolicy: 'File' },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: csiClass },
    provisioner: driver,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
  },
];

/** Starts driver, registrar and provisioner, and makes what claims name. The next kubelet that starts finds the driver. */
export async function startCsiDriver(cluster: Cluster): Promise<void> {
  const tools = await ensureTools(['kubernetes', 'csi']);
  const { layout } = cluster;
  const onNode = async (...argv: string[]): Promise<void> => {
    const [command = '', ...rest] = inside(cluster, 'node', argv);
    await run(command, rest);
  };
  await onNode('mkdir', '-p', directory, data, volumesDirectory, '/var/lib/kubelet/plugins_registry');
  await run(tools.bin('kubectl'), [`--kubeconfig=${layout.adminKubeconfig}`, 'apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  });
  const socket = `${directory}/csi.sock`;
  const start = (program: string, ...args: string[]): void => {
    startService(cluster, { name: program, argv: [tools.bin(program), ...args], place: 'node' });
  };
  start(
    'csi-hostpath',
    `--endpoint=${socket}`,
    `--statedir=${data}`,
    `--nodeid=${layout.nodeName}`,
    `--drivername=${driver}`,
  );
  start(
    'csi-registrar',
    `--csi-address=${socket}`,
    `--kubelet-registration-path=${socket}`,
    '--plugin-registration-path=/var/lib/kubelet/plugins_registry',
  );
  start('csi-provisioner', `--csi-address=${socket}`, `--kubeconfig=${layout.insideKubeconfig}`);
}

/** Waits until the kubelet that runs has taken the driver. */
export async function driverRegistered(cluster: Cluster): Promise<void> {
  const url = `/apis/storage.k8s.io/v1/csinodes/${cluster.layout.nodeName}`;
  await waitFor('the CSI driver to be registered', { timeout: 120_000 }, async () =>
    (await apiRequest(cluster, url)).body.includes(driver),
  );
}
