import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { net } from '../cluster/layout.ts';
import { ensurePackages } from '../lib/apt.ts';
import { withLock } from '../lib/lock.ts';
import { step } from '../lib/log.ts';
import { cacheDir, repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { ensureTools } from '../tools/ensure.ts';
import { writeInitrd } from './initrd.ts';
import { vmNet } from './layout.ts';

const suite = 'trixie';
/** systemd as PID 1, what containerd and kubelet call, what Node links, and what tests look with. */
const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'linux-image-cloud-amd64', 'initramfs-tools', 'kmod'],
  ...['iproute2', 'iptables', 'nftables', 'conntrack', 'ethtool', 'procps', 'util-linux', 'mount'],
  ...['libseccomp2', 'libstdc++6', 'libatomic1', 'ca-certificates', 'socat'],
];
const guestDir = path.join(import.meta.dirname, 'guest');
const pause = 'registry.k8s.io/pause:3.10.2';
/** Where the guest keeps what a package would put into kubelet-ts.service.d on a node of kubeadm. */
export const kubeadmDropIn = '/usr/local/lib/kubelet-ts-vm/10-kubeadm.conf';

/** A bootable disk without anything of a certain cluster in it. */
export interface VmImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Debian's part, as a tar file: two and a half minutes, once for each list of packages. */
async function debianTar(): Promise<string> {
  const file = path.join(cacheDir(), 'vm', `debian-${suite}-${short(packages.join())}.tar`);
  if (existsSync(file)) return file;
  await ensurePackages(['mmdebstrap', 'debian-archive-keyring']);
  await step('Debian root file system (about 3 minutes)', async (note) => {
    const temporary = `${file}.${process.pid}.tmp.tar`;
    const args = ['--variant=minbase', `--include=${packages.join()}`, suite, temporary];
    await run('nice', ['-n', '10', 'mmdebstrap', ...args], { onLine: note });
    renameSync(temporary, file);
  });
  return file;
}

/** containerd with systemd's cgroups; every image comes from the cluster's registry. */
function containerdConfig(): string {
  const runtime = `plugins."io.containerd.cri.v1.runtime"`;
  const images = `plugins."io.containerd.cri.v1.images"`;
  return `version = 3
[${runtime}.cni]
  bin_dirs = ["/opt/cni/bin"]
  conf_dir = "/etc/cni/net.d"
[${runtime}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [${runtime}.containerd.runtimes.runc.options]
    BinaryName = "/usr/local/bin/runc"
    SystemdCgroup = true
[${images}.pinned_images]
  sandbox = "${pause}"
[${images}.registry]
  config_path = "/etc/containerd/certs.d"
`;
}

function cniConfig(): string {
  const ipam = { type: 'host-local', ranges: [[{ subnet: vmNet.podCidr }]], routes: [{ dst: '0.0.0.0/0' }] };
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam };
  const portmap = { type: 'portmap', capabilities: { portMappings: true }, snat: true };
  return JSON.stringify({ cniVersion: '1.0.0', name: 'kubelet-ts-vm', plugins: [bridge, portmap] }, null, 2);
}

/** An emulated processor on a busy machine stands still for longer than a node ever should. */
const slowMachine = `[Unit]
RequiresMountsFor=/opt/kubelet-ts
[Service]
WatchdogSec=2min
`;
const networkFile = `[Match]
Name=eth0
[Network]
Address=${vmNet.address}/${net.nodePrefix}
Gateway=${net.nodeAddress}
`;

/** Text files of the guest by path. */
function guestFiles(): Record<string, string> {
  return {
    '/etc/fstab': '/dev/vdb /opt/kubelet-ts ext4 ro 0 0\n',
    '/etc/modules-load.d/kubelet-ts.conf': 'overlay\nbr_netfilter\n',
    '/etc/sysctl.d/90-kubelet-ts.conf': 'net.ipv4.ip_forward = 1\n',
    '/etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf':
      '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noreset --noclear --keep-baud 115200 - $TERM\n',
    '/etc/systemd/network/10-node.link': `[Match]\nMACAddress=${vmNet.mac}\n[Link]\nName=eth0\n`,
    '/etc/containerd/config.toml': containerdConfig(),
    '/etc/containerd/certs.d/_default/hosts.toml': `[host."http://${vmNet.registry}"]\n  capabilities = ["pull", "resolve"]\n`,
    '/etc/cni/net.d/10-kubelet-ts.conflist': cniConfig(),
    '/etc/systemd/network/20-node.network': networkFile,
    '/etc/resolv.conf': `nameserver ${net.nodeAddress}\n`,
    '/etc/systemd/system/kubelet-ts.service.d/vm.conf': slowMachine,
    '/etc/systemd/system/kubelet-ts.service': readFileSync(path.join(repoRoot, 'packaging/kubelet-ts.service'), 'utf8'),
    // Not in force before the machine joins by kubeadm (join.ts).
    [kubeadmDropIn]: readFileSync(path.join(repoRoot, 'packaging/10-kubeadm.conf'), 'utf8'),
    '/etc/systemd/system/containerd.service': readFileSync(path.join(guestDir, 'containerd.service'), 'utf8'),
    '/etc/systemd/system/kubelet-ts-vm-agent.service': readFileSync(
      path.join(guestDir, 'kubelet-ts-vm-agent.service'),
      'utf8',
    ),
    '/usr/local/lib/kubelet-ts-vm/agent.sh': readFileSync(path.join(guestDir, 'agent.sh'), 'utf8'),
    '/usr/bin/kubelet-ts': readFileSync(path.join(guestDir, 'kubelet-ts'), 'utf8'),
  };
}

/** The arguments of the agent are the second disk's. The others are what a package and `systemctl enable` make for kubeadm. */
const links = {
  '/etc/default/kubelet-ts': '/opt/kubelet-ts/etc/kubelet-ts.env',
  '/etc/systemd/system/kubelet.service': '/etc/systemd/system/kubelet-ts.service',
  '/usr/bin/kubelet': 'kubelet-ts',
} as const;
/** What a node of tests does not need; each costs seconds of an emulated boot. */
const masked = [
  ...['modprobe@configfs.service', 'modprobe@drm.service', 'modprobe@fuse.service', 'run-lock.mount', 'tmp.mount'],
  ...['sys-kernel-debug.mount', 'sys-kernel-tracing.mount', 'sys-fs-fuse-connections.mount', 'sys-kernel-config.mount'],
  ...['systemd-journal-flush.service', 'systemd-user-sessions.service', 'systemd-udev-load-credentials.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
  ...['e2scrub_reap.service', 'systemd-timesyncd.service', 'systemd-pstore.service', 'getty@tty1.service'],
  ...[
    'systemd-binfmt.service',
    'systemd-journal-catalog-update.service',
    'systemd-update-done.service',
    'ldconfig.service',
  ],
  ...['systemd-hwdb-update.service', 'systemd-firstboot.service', 'systemd-networkd-wait-online.service'],
];
const enabled = ['containerd.service', 'kubelet-ts-vm-agent.service', 'kubelet-ts.service'];

interface Program {
  readonly from: string;
  readonly to: string;
}

async function programs(): Promise<Program[]> {
  const tools = await ensureTools(['containerd', 'runc', 'cni']);
  const built = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc'];
  const cni = ['bridge', 'host-local', 'loopback', 'portmap'];
  return [
    ...built.map((name) => ({ from: tools.bin(name), to: `/usr/local/bin/${name}` })),
    ...cni.map((name) => ({ from: tools.bin(name), to: `/opt/cni/bin/${name}` })),
    { from: path.join(repoRoot, 'node_modules/node/bin/node'), to: '/usr/local/bin/node' },
  ];
}

function writeGuest(root: string, copies: readonly Program[]): void {
  const place = (file: string): string => {
    const target = path.join(root, file);
    mkdirSync(path.dirname(target), { recursive: true });
    rmSync(target, { force: true, recursive: true });
    return target;
  };
  for (const [file, text] of Object.entries(guestFiles())) {
    writeFileSync(place(file), text);
    if (text.startsWith('#!')) chmodSync(path.join(root, file), 0o755);
  }
  for (const [file, target] of Object.entries(links)) symlinkSync(target, place(file));
  for (const unit of masked) symlinkSync('/dev/null', place(`/etc/systemd/system/${unit}`));
  for (const unit of enabled) {
    symlinkSync(`/etc/systemd/system/${unit}`, place(`/etc/systemd/system/multi-user.target.wants/${unit}`));
  }
  symlinkSync(
    '/usr/lib/systemd/system/systemd-networkd.service',
    place('/etc/systemd/system/multi-user.target.wants/systemd-networkd.service'),
  );
  for (const { from, to } of copies) {
    cpSync(from, place(to));
    chmodSync(path.join(root, to), 0o755);
  }
  for (const directory of ['opt/kubelet-ts', 'etc/kubernetes/manifests', 'var/cache/kubelet-ts'])
    mkdirSync(path.join(root, directory), { recursive: true });
  // Empty: systemd gives every VM a number of its own at its first boot.
  writeFileSync(path.join(root, 'etc/machine-id'), '');
  // There is nothing here that could be taken: no network leads in but the cluster's, and no login service listens.
  rmSync(path.join(root, 'etc/hostname'), { force: true });
}

async function buildImage(directory: string, copies: readonly Program[]): Promise<void> {
  const tar = await debianTar();
  await step('VM image', async () => {
    const temporary = `${directory}.${process.pid}.tmp`;
    const root = path.join(temporary, 'root');
    mkdirSync(root, { recursive: true });
    try {
      await run('tar', ['-C', root, '--numeric-owner', '--exclude=./dev/*', '-xf', tar]);
      const boot = readdirSync(path.join(root, 'boot'));
      const kernel = boot.find((name) => name.startsWith('vmlinuz-'));
      if (!kernel) throw new Error(`the Debian image has no /boot/vmlinuz-*: remove ${tar} and try again`);
      cpSync(path.join(root, 'boot', kernel), path.join(temporary, 'vmlinuz'));
      await writeInitrd(root, path.join(temporary, 'initrd.img'));
      writeGuest(root, copies);
      const disk = path.join(temporary, 'disk.img');
      await run('nice', ['-n', '10', 'mke2fs', '-q', '-t', 'ext4', '-d', root, disk, '6G']);
      rmSync(root, { recursive: true });
      renameSync(temporary, directory);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
  });
}

/** The image for these programs and files, from the cache or built into it. */
export async function ensureVmImage(): Promise<VmImage> {
  const copies = await programs();
  // Built programs have their version in their path; Node's is in its package.
  const node = readFileSync(path.join(repoRoot, 'node_modules/node/package.json'), 'utf8');
  const parts = [
    packages,
    guestFiles(),
    links,
    masked,
    enabled,
    copies,
    node,
    readFileSync(import.meta.filename, 'utf8'),
    readFileSync(path.join(import.meta.dirname, 'initrd.ts'), 'utf8'),
  ];
  const directory = path.join(cacheDir(), 'vm', `image-${short(JSON.stringify(parts))}`);
  await withLock(`${directory}.lock`, 1_800_000, async () => {
    if (!existsSync(directory)) await buildImage(directory, copies);
  });
  const file = (name: string) => path.join(directory, name);
  return { disk: file('disk.img'), kernel: file('vmlinuz'), initrd: file('initrd.img') };
}
