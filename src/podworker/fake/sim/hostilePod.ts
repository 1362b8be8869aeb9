import type { Random } from '../../../lib/fake/random.ts';
import type { Container, Pod } from '../../../types/k8s.ts';
import type { Mutable } from '../../../types/mutable.ts';
import { randomPod } from './randomPod.ts';

/** Texts that a Pod's author may write. */
export const ODD_TEXTS = [
  '',
  'x'.repeat(300),
  '../../etc/passwd',
  '/',
  '\u0000',
  '__proto__',
  'é',
  '$(A)',
  '9'.repeat(40),
  'ErrImagePull\n',
];
/** Numbers likewise. */
export const ODD_NUMBERS = [-1, 0, 1, 65_536, 2 ** 31, 2 ** 53, 1e15];

/** Fields that the simulator's Pods lack and the builders of requests look at. */
function enrich(random: Random, pod: Pod): Pod {
  for (const c of [...pod.spec!.containers, ...(pod.spec!.initContainers ?? [])]) {
    Object.assign(c, {
      command: ['sh', '-c', '$(A)'],
      env: [
        { name: 'A', value: 'b' },
        { name: 'B', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      ],
      ports: [{ containerPort: 80, protocol: 'TCP' }],
      resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1', memory: '2Gi' } },
      securityContext: {
        runAsUser: 1000,
        capabilities: { add: ['NET_ADMIN'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      terminationMessagePath: '/dev/termination-log',
    });
  }
  const sysctls = [{ name: 'net.ipv4.ip_forward', value: '1' }];
  const more = { securityContext: { fsGroup: 7, sysctls }, dnsPolicy: random.pick('ClusterFirst', 'None', 'Default') };
  return { ...pod, spec: { ...pod.spec!, ...more, hostAliases: [{ ip: '1.2.3.4', hostnames: ['h'] }] } };
}

/** Another value of the same type: absurd, but what the API's types allow. */
function odd(random: Random, value: unknown): unknown {
  if (typeof value === 'string') return random.pick(...ODD_TEXTS);
  if (typeof value === 'number') return random.pick(...ODD_NUMBERS);
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return random.pick<unknown[]>([], [...value, ...value], value.toReversed());
  return random.pick(undefined, {});
}

function damage(random: Random, holder: Record<string, unknown>): void {
  const key = random.pick(...Object.keys(holder));
  const value = holder[key];
  const isDeep = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (isDeep && random.chance(0.85)) damage(random, value as Record<string, unknown>);
  else holder[key] = odd(random, value);
  if (holder[key] !== undefined) return;
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

/** A Pod of which up to three fields have absurd values that the API's types allow. */
export function hostilePod(random: Random): Pod {
  const { spec, metadata } = structuredClone(enrich(random, randomPod(random)));
  const holder: Record<string, unknown> = { spec, metadata };
  for (let i = random.int(4); i > 0; i--) damage(random, holder);
  // Whatever else is missing, the API's types promise a spec, its containers, and the names in it.
  const made = (holder.spec ?? {}) as Mutable<NonNullable<Pod['spec']>>;
  made.containers ??= [];
  for (const c of [...made.containers, ...(made.initContainers ?? [])] as Mutable<Container>[]) {
    c.name ??= '';
    for (const mount of c.volumeMounts ?? []) mount.name ??= '';
  }
  const pod = { metadata: holder.metadata ?? {}, spec: made } as Pod;
  return pod;
}
