import { hasSeLinux, ownSwapFile } from './specNode.ts';

test.each([
  ['0::/system.slice/kubelet-ts.service\n', '/sys/fs/cgroup/system.slice/kubelet-ts.service/memory.swap.max'],
  // A node in a container, without systemd.
  ['0::/k3s/kubelet\n', '/sys/fs/cgroup/k3s/kubelet/memory.swap.max'],
  // Hybrid machines list the hierarchies of version 1 too.
  ['12:memory:/a\n0::/b\n', '/sys/fs/cgroup/b/memory.swap.max'],
  ['0::/\n', '/sys/fs/cgroup/memory.swap.max'],
  ['', '/sys/fs/cgroup/memory.swap.max'],
])('%j has its swap limit in %s', (text, file) => expect(ownSwapFile(text)).toBe(file));

const selinuxfs = (options: string, more = 'rw') =>
  `21 1 0:20 / /proc rw - proc proc rw\n22 21 0:19 / /sys/fs/selinux ${options} shared:8 - selinuxfs selinuxfs ${more}\n`;
test.each([
  ['a policy is loaded', selinuxfs('rw,nosuid'), 'system_u:system_r:kubelet_t:s0', true],
  ['no policy is loaded', selinuxfs('rw,nosuid'), 'kernel', false],
  ['in a container', selinuxfs('ro,nosuid'), 'container_t', false],
  ['the file system itself is read-only', selinuxfs('rw', 'ro'), 'container_t', false],
  ['a host without it', '21 1 0:20 / /proc rw - proc proc rw\n', 'unconfined', false],
])('SELinux: %s', (_name, mountInfo, label, expected) => expect(hasSeLinux(mountInfo, label)).toBe(expected));
