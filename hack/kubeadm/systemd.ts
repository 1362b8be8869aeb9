import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cachedBundle } from '../build.ts';
import { cacheDir } from '../lib/paths.ts';
import type { Machine } from './machine.ts';

/** The directory of the machine's own `kubelet` and `systemctl`; kubeadm finds both in PATH. */
export function programsDir({ cluster }: Machine): string {
  return path.join(cluster.layout.state, 'kubeadm/bin');
}

/** The kubelet's log on a machine. */
function kubeletLog({ cluster }: Machine): string {
  return path.join(cluster.layout.logs, 'kubelet.log');
}

/** What the package of kubelet brings to a machine: the program, and a service that runs it as kubeadm's drop-in says. */
export async function installKubelet(machine: Machine): Promise<void> {
  const bin = programsDir(machine);
  mkdirSync(bin, { recursive: true });
  mkdirSync(machine.cluster.layout.logs, { recursive: true });
  const program = (name: string, text: string) => {
    writeFileSync(path.join(bin, name), text);
    chmodSync(path.join(bin, name), 0o755);
  };
  program('kubelet', kubeletProgram(await cachedBundle()));
  program('systemctl', systemctl(path.join(machine.cluster.layout.run, 'kubelet.pid'), kubeletLog(machine)));
}

function kubeletProgram(bundle: string): string {
  return `#!/bin/bash
# The kubelet of this checkout, under the name by which everybody knows it.
export UV_THREADPOOL_SIZE=16 NODE_COMPILE_CACHE=${path.join(cacheDir(), 'node-compile-cache')}
exec -a kubelet ${process.execPath} ${bundle} "$@"
`;
}

/** Just what kubeadm asks of systemd, for one service: kubelet, with the command line of kubeadm's 10-kubeadm.conf. */
function systemctl(pidFile: string, log: string): string {
  return `#!/bin/bash
pid() { cat ${pidFile} 2>/dev/null; }
running() { [ -n "$(pid)" ] && kill -0 -- "-$(pid)" 2>/dev/null; }
start() {
  running && return 0
  KUBELET_KUBECONFIG_ARGS='--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf'
  KUBELET_CONFIG_ARGS='--config=/var/lib/kubelet/config.yaml'
  [ -f /var/lib/kubelet/kubeadm-flags.env ] && . /var/lib/kubelet/kubeadm-flags.env
  [ -f /etc/default/kubelet ] && . /etc/default/kubelet
  # Restart=always
  setsid bash -c 'while :; do kubelet "$@"; echo "kubelet ended with $?"; sleep 1; done' restart \\
    $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS >> ${log} 2>&1 < /dev/null &
  echo $! > ${pidFile}
}
stop() {
  running || return 0
  kill -TERM -- "-$(pid)"
  for _ in $(seq 100); do running || return 0; sleep 0.1; done
  kill -KILL -- "-$(pid)"
}
case "$1 $2" in
  'daemon-reload '*) ;;
  'is-enabled kubelet') echo enabled ;;
  'is-active kubelet') running && echo active || { echo inactive; exit 3; } ;;
  'status kubelet') echo 'Loaded: loaded'; running || exit 3 ;;
  'start kubelet') start ;;
  'stop kubelet') stop ;;
  'restart kubelet') stop; start ;;
  *) echo "Unit $2.service could not be found." >&2; exit 4 ;;
esac
`;
}
