import type { Random } from '../../../lib/fake/random.ts';
import type { Container, Pod, PodSpec } from '../../../types/k8s.ts';

const probe = { httpGet: { port: 80 } };
const hook = { exec: { command: ['true'] } };

/** A well-formed Pod with a random mix of what the core's rules look at. */
export function randomPod(random: Random): Pod {
  const volumes = Array.from({ length: random.int(3) }, (_, i) => ({ name: `v${i}`, emptyDir: {} }));
  const containers = Array.from({ length: 1 + random.int(4) }, (_, i) => randomContainer(random, `m${i}`, volumes));
  const initContainers = random.chance(0.5)
    ? Array.from({ length: 1 + random.int(3) }, (_, i) => randomInit(random, `i${i}`, volumes))
    : [];
  if (random.chance(0.15)) addRestartAll(random, random.pick(...containers, ...initContainers));
  const spec: PodSpec = {
    restartPolicy: random.pick('Always', 'Always', 'OnFailure', 'Never'),
    terminationGracePeriodSeconds: random.pick(0, 1, 3, 10, 30),
    containers,
    ...(initContainers.length > 0 ? { initContainers } : {}),
    ...(volumes.length > 0 ? { volumes } : {}),
    ...(random.chance(0.1) ? { hostNetwork: true } : {}),
    ...(random.chance(0.05) ? { activeDeadlineSeconds: random.pick(5, 60) } : {}),
  };
  return {
    metadata: { name: 'p', namespace: 'ns', uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec,
    status: { phase: 'Pending' },
  };
}

function randomContainer(random: Random, name: string, volumes: readonly { name: string }[]): Container {
  const mounts = volumes.filter(() => random.chance(0.7)).map((v) => ({ name: v.name, mountPath: `/${v.name}` }));
  const lifecycle = {
    ...(random.chance(0.15) ? { postStart: hook } : {}),
    ...(random.chance(0.2) ? { preStop: hook } : {}),
  };
  return {
    name,
    image: 'img:1',
    ...(mounts.length > 0 ? { volumeMounts: mounts } : {}),
    ...(Object.keys(lifecycle).length > 0 ? { lifecycle } : {}),
    ...(random.chance(0.2) ? { startupProbe: probe } : {}),
    ...(random.chance(0.2) ? { readinessProbe: probe } : {}),
    ...(random.chance(0.2) ? { livenessProbe: probe } : {}),
    ...(random.chance(0.1) ? { restartPolicy: random.pick('Never', 'OnFailure', 'Always') } : {}),
  };
}

/** KEP-5532: exit code 42 of this container starts all of them over. */
function addRestartAll(random: Random, container: Container): void {
  const rule = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } };
  const restartPolicy = container.restartPolicy ?? random.pick('Never', 'OnFailure');
  Object.assign(container, { restartPolicy, restartPolicyRules: [rule] });
}

function randomInit(random: Random, name: string, volumes: readonly { name: string }[]): Container {
  if (random.chance(0.4)) return { ...randomContainer(random, name, volumes), restartPolicy: 'Always' };
  // Plain init containers have neither probes nor hooks (validation of the API server).
  const { volumeMounts } = randomContainer(random, name, volumes);
  return { name, image: 'img:1', ...(volumeMounts ? { volumeMounts } : {}) };
}
