/** The Kubernetes version that this program behaves as; `kubeadm` and the Node object compare it. */
export const KUBERNETES_VERSION = 'v1.36.3';

/** This program's own version; package.json has the same. */
export const PROGRAM_VERSION = '0.1.0';

/** What `--version` and `--version=raw` print. kubeadm reads the first form. */
export function versionText(form: 'true' | 'raw'): string {
  if (form === 'true') return `Kubernetes ${KUBERNETES_VERSION}`;
  const [major, minor] = KUBERNETES_VERSION.slice(1).split('.');
  const platform = `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`;
  return (
    `version.Info{Major:"${major}", Minor:"${minor}", EmulationMajor:"", EmulationMinor:"", MinCompatibilityMajor:"", ` +
    `MinCompatibilityMinor:"", GitVersion:"${KUBERNETES_VERSION}", GitCommit:"", GitTreeState:"", BuildDate:"", ` +
    `GoVersion:"kubelet-ts ${PROGRAM_VERSION} on Node.js ${process.version}", Compiler:"", Platform:"${platform}"}`
  );
}

/** What `kubelet-ts version` prints: its own version, the Kubernetes that it behaves as, and what it runs on. */
export function versionsText(): string {
  return `kubelet-ts ${PROGRAM_VERSION}\nKubernetes ${KUBERNETES_VERSION}\nNode.js ${process.version}`;
}
