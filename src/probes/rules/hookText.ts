import type { IntOrString, LifecycleHandler } from '../../types/k8s.ts';

/** kubelet's words about a hook that it cannot run, which prints the handler the way Go prints the API type. */
export function invalidHandler(handler: LifecycleHandler): string {
  const tcp = handler.tcpSocket;
  const socket = tcp ? `&TCPSocketAction{Port:${goPort(tcp.port)},Host:${tcp.host ?? ''},}` : 'nil';
  return `invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,TCPSocket:${socket},Sleep:nil,}`;
}

function goPort(port: IntOrString): string {
  return typeof port === 'number' ? `{0 ${port} }` : `{1 0 ${port}}`;
}
