import type { Controller } from '../../../cgroups/rules/controlFiles.ts';
import type { ApiReport, MachineReport } from './machineReport.ts';

/** One line of the answer. An `error` keeps the kubelet from starting, or the Node from becoming Ready. */
export interface PreflightFinding {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly sentence: string;
  /** What to do; empty when nothing. */
  readonly todo: string;
}

const NEEDED: readonly Controller[] = ['cpu', 'memory', 'pids'];
const WANTED: readonly Controller[] = ['cpuset', 'hugetlb'];
/** Below this the default hard eviction threshold (nodefs.available<10%) is near. */
const LOW_DISK = 0.15;

/** What stands between this machine and a Ready node, in the order in which one would mend it. */
export function findings(m: MachineReport): PreflightFinding[] {
  return [
    user(m),
    name(m),
    cgroups(m),
    swap(m),
    kernel(m),
    forwarding(m),
    ...m.ports.map(port),
    ...runtime(m.runtime),
    ...resolver(m),
    ...disk(m),
    api(m.api),
  ];
}

const ok = (check: string, sentence: string): PreflightFinding => ({ check, level: 'ok', sentence, todo: '' });
const error = (check: string, sentence: string, todo: string): PreflightFinding => ({
  check,
  level: 'error',
  sentence,
  todo,
});
const warning = (check: string, sentence: string, todo: string): PreflightFinding => ({
  check,
  level: 'warning',
  sentence,
  todo,
});

function user({ uid }: MachineReport): PreflightFinding {
  if (uid === 0) return ok('user', 'root');
  return error('user', `this is user ${uid}, and a kubelet mounts and makes cgroups`, 'run it as root');
}

function name({ nodeName }: MachineReport): PreflightFinding {
  const valid = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(nodeName) && nodeName.length <= 253;
  if (valid) return ok('node name', nodeName);
  const sentence = `${JSON.stringify(nodeName)} cannot be a Node's name`;
  return error('node name', sentence, 'give one with --hostname-override: small letters, digits, - and .');
}

function cgroups({ cgroups: found, failCgroupV1 }: MachineReport): PreflightFinding {
  if (typeof found === 'string') return error('cgroups', found, 'mount cgroup2 on /sys/fs/cgroup');
  const lacks = (names: readonly Controller[]) => names.filter((each) => !found.controllers.includes(each));
  const missing = lacks(NEEDED);
  if (missing.length > 0) {
    const todo = `enable them on the kernel's command line (cgroup_enable=${missing.join(',')}) or delegate them to this cgroup`;
    return error('cgroups', `version ${found.version} without the controllers ${missing.join(', ')}`, todo);
  }
  if (found.version === 1 && failCgroupV1) {
    const todo = 'boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1 to false';
    return error('cgroups', 'version 1, with which kubelet 1.36 does not start', todo);
  }
  const poorer = lacks(WANTED);
  if (found.version === 1) {
    const todo = 'move to version 2: support for version 1 is in maintenance, and some features do not work with it';
    return warning('cgroups', 'version 1', todo);
  }
  if (poorer.length === 0) return ok('cgroups', 'version 2');
  return warning('cgroups', `version 2 without ${poorer.join(', ')}`, 'what uses them is refused or left out');
}

function swap({ swaps, failSwapOn }: MachineReport): PreflightFinding {
  if (swaps.length === 0) return ok('swap', 'off');
  if (!failSwapOn) return ok('swap', `on (${swaps.join(', ')}), which failSwapOn: false allows`);
  const todo = 'swapoff -a and take it out of /etc/fstab, or set failSwapOn to false';
  return error('swap', `on: ${swaps.join(', ')}`, todo);
}

function kernel({ kernelSettings, protectKernelDefaults }: MachineReport): PreflightFinding {
  if (kernelSettings.length === 0) return ok('kernel settings', 'as a node needs them');
  if (!protectKernelDefaults) return ok('kernel settings', `the kubelet will set them: ${kernelSettings.join('; ')}`);
  const todo = 'set them with sysctl, or set protectKernelDefaults to false so that the kubelet does';
  return error('kernel settings', kernelSettings.join('; '), todo);
}

function forwarding({ ipForward }: MachineReport): PreflightFinding {
  if (ipForward === undefined || ipForward === '1') return ok('forwarding', 'on');
  const todo = 'sysctl -w net.ipv4.ip_forward=1, and in /etc/sysctl.d; some network plug-ins do it themselves';
  return warning('forwarding', 'net.ipv4.ip_forward is 0: Pods do not reach other nodes', todo);
}

function port({ use, port: number, taken }: MachineReport['ports'][number]): PreflightFinding {
  const check = `port ${number}`;
  if (!taken) return ok(check, `free for ${use}`);
  return error(check, `somebody listens on it already; it is for ${use}`, 'stop the other kubelet, or change the port');
}

function runtime(found: MachineReport['runtime']): PreflightFinding[] {
  if (typeof found === 'string') {
    const todo = 'start containerd 1.6 or newer, or name its socket in containerRuntimeEndpoint';
    return [error('runtime', found, todo)];
  }
  const { endpoint, name: called, version, notReady, cgroupDriver, configuredDriver } = found;
  const conditions = notReady.map(condition);
  const driver =
    cgroupDriver === undefined
      ? warning(
          'cgroup driver',
          `the runtime does not say which it uses; the configuration says ${configuredDriver}`,
          'see that both are the same, or move to containerd 2',
        )
      : ok('cgroup driver', `${cgroupDriver}, as the runtime says`);
  return [ok('runtime', `${called} ${version} at ${endpoint}`), ...conditions, driver];
}

/** Kubelet itself asks for two; what else a runtime says of itself (deprecations, for one) keeps no node from being Ready. */
function condition({ type, message }: { readonly type: string; readonly message: string }): PreflightFinding {
  const sentence = `${type} is false: ${message}`;
  if (type === 'NetworkReady') {
    const todo = 'install a network plug-in (CNI); most come as a DaemonSet';
    return error('network', `the runtime has none: ${message}`, todo);
  }
  if (type === 'RuntimeReady') return error('runtime', sentence, 'look into the log of the runtime');
  return warning('runtime', sentence, 'nothing, for now: the node can be Ready all the same');
}

function resolver({ resolver: found }: MachineReport): PreflightFinding[] {
  if (!found) return [];
  if (!found.onlyLoopback) return [ok('resolver', found.file)];
  const todo = 'set resolvConf to /run/systemd/resolve/resolv.conf, or to a file with addresses that Pods reach';
  return [warning('resolver', `${found.file} names loopback addresses alone, which Pods do not reach`, todo)];
}

function disk({ freeDisk, rootDir }: MachineReport): PreflightFinding[] {
  if (freeDisk === undefined) return [];
  const percent = `${Math.floor(freeDisk * 100)} % free at ${rootDir}`;
  if (freeDisk >= LOW_DISK) return [ok('disk', percent)];
  return [warning('disk', percent, 'make room: near 10 % the Node gets DiskPressure and Pods are evicted')];
}

function api(found: ApiReport): PreflightFinding {
  switch (found.state) {
    case 'standalone':
      return ok('API server', 'none: standalone, Pods come from files and URLs (no --kubeconfig)');
    case 'reached':
      return ok('API server', `${found.server} answers (${found.with})`);
    case 'problem':
      return error('API server', found.sentence, 'see --kubeconfig and --bootstrap-kubeconfig');
  }
}

/** As people read it: a table, what to do below what is wrong, and a last line that counts. */
export function findingsText(all: readonly PreflightFinding[]): string {
  const width = Math.max(...all.map(({ check }) => check.length));
  const lines = all.map(({ check, level, sentence, todo }) => {
    const head = `${level.padEnd(7)}  ${check.padEnd(width)}  ${sentence}\n`;
    return todo === '' ? head : `${head}${' '.repeat(width + 11)}→ ${todo}\n`;
  });
  const count = (level: PreflightFinding['level']) => all.filter((each) => each.level === level).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const verdict = errors === 0 ? 'This machine can be a node' : 'This machine cannot be a node yet';
  return `${lines.join('')}${verdict}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}.\n`;
}

function counted(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}
