import { join } from 'node:path';

export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

/** Where things stand below `--data-dir`: the names of k3s' own agent. */
export interface Layout {
  readonly clientCa: string;
  readonly serverCa: string;
  readonly serving: PairFiles;
  readonly client: PairFiles;
  readonly kubeconfig: string;
  /** Drop-ins of the kubelet's configuration; whoever adds some of their own writes them here. */
  readonly configDir: string;
  readonly configFile: string;
  readonly podManifests: string;
  readonly resolvConf: string;
  /** What the last join learned of the server, for a start without one. */
  readonly known: string;
  readonly oldNodePassword: string;
}

export function layout(dataDir: string): Layout {
  const at = (...names: string[]) => join(dataDir, ...names);
  return {
    clientCa: at('client-ca.crt'),
    serverCa: at('server-ca.crt'),
    serving: { cert: at('serving-kubelet.crt'), key: at('serving-kubelet.key') },
    client: { cert: at('client-kubelet.crt'), key: at('client-kubelet.key') },
    kubeconfig: at('kubelet.kubeconfig'),
    configDir: at('etc', 'kubelet.conf.d'),
    configFile: at('etc', 'kubelet.conf.d', '00-k3s-defaults.conf'),
    podManifests: at('pod-manifests'),
    resolvConf: at('etc', 'resolv.conf'),
    known: at('kubelet-ts.json'),
    oldNodePassword: at('node-password.txt'),
  };
}
