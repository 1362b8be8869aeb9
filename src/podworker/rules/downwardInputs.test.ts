import type { Pod } from '../../types/k8s.ts';
import { decide } from './decide.ts';
import { shownMetadata, shownResources } from './downwardInputs.ts';
import { active, factsOf, later, runtime, sandbox } from './testing.ts';

/** How often a few turns of a Pod with that many volumes of its annotations read these. */
function reads(count: number): number {
  let read = 0;
  const metadata = {
    ...{ uid: 'u', name: 'p', namespace: 'ns' },
    get annotations() {
      read += 1;
      return { notes: 'x'.repeat(1_000) };
    },
  };
  const items = [{ path: 'notes', fieldRef: { fieldPath: 'metadata.annotations' } }];
  const volumes = Array.from({ length: count }, (_, i) => ({ name: `v${i}`, downwardAPI: { items } }));
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  const pod: Pod = { metadata, spec: { containers: [{ name: 'a', image: 'img', volumeMounts }], volumes } };
  const facts = factsOf(pod, { runtime: runtime([], [sandbox()]) });
  read = 0;
  let memory = active;
  for (const at of [later(0), later(1), later(2)]) {
    const decision = decide(facts, memory, at);
    expect(decision.start.filter(({ kind }) => kind === 'mountVolume')).toHaveLength(count);
    memory = decision.memory;
  }
  return read;
}

test('annotations are made into text once for a version of the Pod, not for each volume at each turn', () => {
  expect(reads(50)).toBe(reads(1));
});

test('another version is another text, and the same values the same', () => {
  const labels = { a: 'b' };
  expect(shownMetadata({ labels })).toBe(shownMetadata({ labels: { a: 'b' }, annotations: {} }));
  expect(shownMetadata({ labels })).not.toBe(shownMetadata({ annotations: labels }));
  const withCpu = (cpu: string) => ({ containers: [{ name: 'a', resources: { limits: { cpu } } }] });
  expect(shownResources(withCpu('1'))).not.toBe(shownResources(withCpu('2')));
  expect(shownResources(withCpu('1'))).toBe(shownResources(withCpu('1')));
});
