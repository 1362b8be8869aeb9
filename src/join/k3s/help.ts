/** `kubelet-ts join k3s --help`. */
export const JOIN_HELP = `kubelet-ts join k3s --server URL --token-file FILE [flags] [-- kubelet flags]

Joins this machine to a k3s cluster and runs the node agent, in place of \`k3s agent\`. It asks the server for the node's certificates and
configuration, keeps a tunnel to every server, so that kubectl logs, exec and port-forward work, and renews its certificates while it
runs. Start it with the same line after a reboot; when no server answers then, it goes on with what it has.

Five steps on a fresh machine:
  1. a container runtime (containerd) and a network (CNI plug-ins with a configuration in /etc/cni/net.d): those of k3s are in its own agent
  2. kubelet-ts preflight says what else is missing
  3. on the server: cat /var/lib/rancher/k3s/server/node-token   (or: k3s token create, for a token that expires)
  4. put that into a file that only root may read, and here: kubelet-ts join k3s --server https://SERVER:6443 --token-file FILE
  5. kubectl get node; kube-proxy is in k3s' agent too: run it as a DaemonSet

Whom and what:
  -s, --server URL              a server, e.g. https://10.0.0.1:6443; the others are learned from it (K3S_URL)
      --token-file FILE         file with the token (K3S_TOKEN_FILE)
  -t, --token TOKEN             the token itself; other users may see it while the program starts (K3S_TOKEN)
The node:
      --node-name NAME          name of the Node [the hostname]
      --with-node-id            append an id of this machine to the name
  -i, --node-ip IP[,IP]         its addresses [that of the default route]
      --node-external-ip IP,…   addresses from outside
      --node-label KEY=VALUE    may be given several times, as --node-taint KEY=VALUE:EFFECT
      --container-runtime-endpoint URL   [unix:///run/containerd/containerd.sock]
      --resolv-conf FILE        what Pods resolve with [/etc/resolv.conf, unless it names this machine itself]
Where:
      --data-dir DIR            certificates and configuration [/var/lib/rancher/k3s/agent]
      --node-password-file FILE what the server knows this machine by [/etc/rancher/node/password]
      --lb-server-port PORT     port on 127.0.0.1 through which the API servers are reached [6444]
After -- come flags of the kubelet, which win; drop-ins of its configuration belong into DIR/etc/kubelet.conf.d.

When it refuses: "the CA … is not the one that the token names": the token is another cluster's, or the CA was replaced; "refused the
token": mistyped or expired; "the node name is taken": another machine has it, or this one lost its password file: kubectl delete node
NAME frees it.`;
