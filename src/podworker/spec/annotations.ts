import { goJson } from '../../k8s/goText.ts';
import type { Container, ContainerPort, LifecycleHandler, Pod } from '../../types/k8s.ts';
import { containerHash } from './containerHash.ts';

const HASH_ANNOTATION = 'io.kubernetes.container.hash';
const RESTART_COUNT_ANNOTATION = 'io.kubernetes.container.restartCount';
const TERMINATION_MESSAGE_PATH_ANNOTATION = 'io.kubernetes.container.terminationMessagePath';
const TERMINATION_MESSAGE_POLICY_ANNOTATION = 'io.kubernetes.container.terminationMessagePolicy';
const PRE_STOP_ANNOTATION = 'io.kubernetes.container.preStopHandler';
const PORTS_ANNOTATION = 'io.kubernetes.container.ports';
const DELETION_GRACE_ANNOTATION = 'io.kubernetes.pod.deletionGracePeriod';
const TERMINATION_GRACE_ANNOTATION = 'io.kubernetes.pod.terminationGracePeriod';

/**
 * A container's annotations: what a kubelet that has lost the Pod's spec needs to stop the container properly and to go on
 * counting. Those of device plugins come first and are overridden.
 */
export function containerAnnotations(
  pod: Pod,
  container: Container,
  restartCount: number,
  fromDevices: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const annotations: Record<string, string> = {
    ...fromDevices,
    [HASH_ANNOTATION]: containerHash(container),
    [RESTART_COUNT_ANNOTATION]: String(restartCount),
    [TERMINATION_MESSAGE_PATH_ANNOTATION]: container.terminationMessagePath ?? '',
    [TERMINATION_MESSAGE_POLICY_ANNOTATION]: container.terminationMessagePolicy ?? '',
  };
  const deletionGrace = pod.metadata?.deletionGracePeriodSeconds;
  if (deletionGrace !== undefined) annotations[DELETION_GRACE_ANNOTATION] = String(deletionGrace);
  const grace = pod.spec?.terminationGracePeriodSeconds;
  if (grace !== undefined) annotations[TERMINATION_GRACE_ANNOTATION] = String(grace);
  const preStop = container.lifecycle?.preStop;
  if (preStop) annotations[PRE_STOP_ANNOTATION] = handlerJson(preStop);
  if (container.ports?.length) annotations[PORTS_ANNOTATION] = goJson(container.ports.map(portFields));
  return annotations;
}

/** Fields in the order of the API's Go structs, the optional ones left out when empty. */
function handlerJson(handler: LifecycleHandler): string {
  const { exec, httpGet, tcpSocket, sleep } = handler;
  return goJson({
    exec: exec && { command: exec.command?.length ? exec.command : undefined },
    httpGet: httpGet && {
      path: httpGet.path || undefined,
      port: httpGet.port ?? 0,
      host: httpGet.host || undefined,
      scheme: httpGet.scheme || undefined,
      httpHeaders: httpGet.httpHeaders?.length
        ? httpGet.httpHeaders.map(({ name, value }) => ({ name, value: value ?? '' }))
        : undefined,
    },
    tcpSocket: tcpSocket && { port: tcpSocket.port ?? 0, host: tcpSocket.host || undefined },
    sleep: sleep && { seconds: sleep.seconds ?? 0 },
  });
}

function portFields(port: ContainerPort): object {
  return {
    name: port.name || undefined,
    hostPort: port.hostPort || undefined,
    containerPort: port.containerPort,
    protocol: port.protocol || undefined,
    hostIP: port.hostIP || undefined,
  };
}
