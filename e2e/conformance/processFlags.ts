import type { Spec } from './lists.ts';

/** Where the spec of lock contention wants the kubelet's lock: a file of the machine's. */
export const lockFile = '/var/run/kubelet.lock';

/** What a name asks of the whole process of the node suite that runs it. */
const features: readonly (readonly [RegExp, string])[] = [
  [/\[Feature:StandaloneMode\]/, '--standalone-mode'],
  [/\[Feature:CriProxy\]/, '--cri-proxy-enabled'],
  [/\[Feature:LockContention\]/, `--kubelet-flags=--lock-file=${lockFile} --exit-on-lock-contention`],
];

/** The flags of the process that a spec needs; specs with different ones cannot share a process. */
export function processFlags({ name }: Spec): string[] {
  const gates = [...name.matchAll(/\[FeatureGate:(\w+)\] \[Alpha\]/g)].map(([, gate]) => `${gate}=true`);
  return [
    ...features.filter(([pattern]) => pattern.test(name)).map(([, flag]) => flag),
    ...(gates.length > 0 ? [`--feature-gates=${gates.join(',')}`] : []),
  ];
}
