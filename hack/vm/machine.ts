import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { net } from '../cluster/layout.ts';
import { inNetwork } from '../cluster/network.ts';
import { inside, runningService, startService, stopService, waitForService } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { ensurePackages } from '../lib/apt.ts';
import { step } from '../lib/log.ts';
import { run, tryRun } from '../lib/run.ts';
import { bootId, inGuest } from './guest.ts';
import { ensureVmImage, type VmImage } from './image.ts';
import { type VmLayout, vmLayout, vmNet } from './layout.ts';
import { writeSeed } from './seed.ts';

const service = 'vm';
const registryService = 'vm-registry';
/** MiB. */
const memory = '2560';

const kernelArguments = [
  ...['console=ttyS0', 'root=/dev/vda', 'rw', 'quiet', 'fsck.mode=skip', 'mitigations=off', 'audit=0'],
  // On a busy machine an emulated one is a hundred times slower than systemd expects.
  ...['systemd.default_device_timeout_sec=900', 'systemd.default_timeout_start_sec=900', 'systemd.watchdog_sec=0'],
];

/** A tap on the node's bridge, the way to the VM's Pods, and the registry on an address that the VM reaches. */
async function plugIn(cluster: Cluster): Promise<void> {
  await inNetwork(cluster, [
    `ip link show ${vmNet.tap} >/dev/null 2>&1 || ip tuntap add dev ${vmNet.tap} mode tap`,
    `ip link set ${vmNet.tap} master node0 up`,
    `ip route replace ${vmNet.podCidr} via ${vmNet.address} dev node0`,
  ]);
  startService(cluster, {
    name: registryService,
    argv: [
      'socat',
      `TCP-LISTEN:${vmNet.registryPort},bind=${net.nodeAddress},fork,reuseaddr`,
      `TCP:127.0.0.1:${net.registryPort}`,
    ],
    place: 'network',
  });
}

function qemuArguments(vm: VmLayout, image: VmImage): string[] {
  const drive = (file: string, format: string, more: string) => [
    '-drive',
    `file=${file},format=${format},if=virtio${more}`,
  ];
  return [
    // One processor: two would wait for each other at every atomic instruction and TLB flush, minutes long on a busy machine.
    ...['-accel', 'tcg', '-smp', '1', '-m', memory],
    // Without -cx16 the guest crashes in cmpxchg16b. The rest is what programs use and the emulation does well.
    ...['-cpu', 'qemu64,-cx16,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq,+rdrand'],
    ...['-nographic', '-nodefaults', '-no-user-config'],
    ...['-kernel', image.kernel, '-initrd', image.initrd],
    ...['-append', [...kernelArguments, `systemd.hostname=${vm.nodeName}`].join(' ')],
    ...drive(vm.disk, 'qcow2', ',cache=unsafe,discard=unmap'),
    ...drive(vm.seed, 'raw', ',readonly=on'),
    ...['-netdev', `tap,id=net0,ifname=${vmNet.tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net0,mac=${vmNet.mac},romfile=`],
    ...['-chardev', `socket,id=console,path=${vm.console},server=on,wait=off,logfile=${vm.consoleLog},logappend=on`],
    ...['-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${vm.agent},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=agent,name=kubelet-ts.agent'],
    ...['-device', 'virtio-rng-pci'],
    ...['-chardev', `socket,id=monitor,path=${vm.monitor},server=on,wait=off`, '-mon', 'chardev=monitor'],
  ];
}

/** True while the VM's qemu runs. */
export function isVmRunning(cluster: Cluster): boolean {
  return runningService(cluster, service) !== undefined;
}

/**
 * Starts the cluster's VM with the kubelet of this checkout unless it runs, and waits until it answers. The first start makes its
 * disk; a later one finds it as it was left.
 */
export async function startVm(cluster: Cluster): Promise<VmLayout> {
  const vm = vmLayout(cluster.layout);
  if (isVmRunning(cluster)) return vm;
  await ensurePackages(['qemu-system-x86', 'qemu-utils', 'e2fsprogs', 'socat']);
  const image = await ensureVmImage();
  mkdirSync(path.dirname(vm.disk), { recursive: true });
  await step('disks of the VM', async () => {
    if (!existsSync(vm.disk))
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.disk, vm.disk]);
    await writeSeed(cluster);
  });
  await plugIn(cluster);
  startService(cluster, {
    name: service,
    argv: ['qemu-system-x86_64', ...qemuArguments(vm, image)],
    place: 'network',
  });
  await step('boot of the VM', () =>
    waitForService(cluster, service, 900_000, async () => (await bootId(vm)) !== undefined),
  );
  return vm;
}

/** Ends the VM and takes away what it was plugged into; its disk too unless `keepDisk`. */
export async function stopVm(cluster: Cluster, options: { keepDisk?: boolean } = {}): Promise<void> {
  const vm = vmLayout(cluster.layout);
  if (isVmRunning(cluster) && options.keepDisk) await inGuest(vm, 'sync').catch(() => undefined);
  await stopService(cluster, service, 'SIGKILL');
  await stopService(cluster, registryService);
  const [command = '', ...args] = inside(cluster, 'network', ['ip', 'link', 'delete', vmNet.tap]);
  await tryRun(command, args);
  await inNetwork(cluster, [`ip route flush ${vmNet.podCidr}`]);
  for (const file of [vm.console, vm.agent, vm.monitor]) rmSync(file, { force: true });
  if (!options.keepDisk) rmSync(path.dirname(vm.disk), { recursive: true, force: true });
}
