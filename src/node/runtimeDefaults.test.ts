import { ownSwapFile } from './runtimeDefaults.ts';

test.each([
  ['0::/system.slice/kubelet-ts.service\n', '/sys/fs/cgroup/system.slice/kubelet-ts.service/memory.swap.max'],
  // A node in a container, without systemd.
  ['0::/k3s/kubelet\n', '/sys/fs/cgroup/k3s/kubelet/memory.swap.max'],
  // Hybrid machines list the hierarchies of version 1 too.
  ['12:memory:/a\n0::/b\n', '/sys/fs/cgroup/b/memory.swap.max'],
  ['0::/\n', '/sys/fs/cgroup/memory.swap.max'],
  ['', '/sys/fs/cgroup/memory.swap.max'],
])('%j has its swap limit in %s', (text, file) => expect(ownSwapFile(text)).toBe(file));
