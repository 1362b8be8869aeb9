import { slotOf } from './actions.ts';
import { box, ended, spec, starts, turn } from './testing.ts';

const two = spec('Always', 'a b');
const running = [box('a', 'running', { id: 'ia' }), box('b', 'running', { id: 'ib' })];
const cpus = { shared: '0-1', own: { b: '3' } };
const updates = (decision: Parameters<typeof starts>[0]) => starts(decision).filter((s) => s.startsWith('updateCpus'));

test('without a policy that divides the CPUs nobody is put anywhere', () => {
  expect(updates(turn(two, running))).toEqual([]);
});

test('running containers are put on their own or the shared CPUs, until they are there', () => {
  const first = turn(two, running, { cpus });
  expect(first.start).toEqual([
    { kind: 'updateCpus', slot: 'cpus/ia', containerId: 'ia', cpus: '0-1' },
    { kind: 'updateCpus', slot: 'cpus/ib', containerId: 'ib', cpus: '3' },
  ]);
  expect(updates(turn(two, running, { cpus, cpuSets: { ia: '0-1', ib: '3' } }))).toEqual([]);
  const shrunk = { ...cpus, shared: '0' };
  expect(updates(turn(two, running, { cpus: shrunk, cpuSets: { ia: '0-1', ib: '3' } }))).toEqual(['updateCpus ia']);
});

test('a container that is called as what every object inherits stays off others’ CPUs too', () => {
  const decision = turn(spec('Always', 'constructor'), [box('constructor', 'running', { id: 'ic' })], { cpus });
  expect(decision.start).toEqual([{ kind: 'updateCpus', slot: 'cpus/ic', containerId: 'ic', cpus: '0-1' }]);
});

test('what does not run is left alone; a failed change is tried again later', () => {
  const [a, b] = running as [(typeof running)[0], (typeof running)[0]];
  expect(updates(turn(two, [{ ...a, state: 'exited' }, b], { cpus }))).toEqual(['updateCpus ib']);
  const action = { kind: 'updateCpus', slot: slotOf.cpus('ia'), containerId: 'ia', cpus: '0-1' } as const;
  const failed = ended(action, { reason: 'Unknown', message: 'not now', settled: true }, { failures: 1 });
  const decision = turn(two, running, { cpus, cpuSets: { ib: '3' }, slots: { [slotOf.cpus('ia')]: failed } });
  expect(updates(decision)).toEqual([]);
  expect(decision.wakeAt).not.toBeNull();
});

test('a Pod that ends gives way to others too', () => {
  const termination = { cause: 'deleted', graceSeconds: 30, since: 0, deadline: 4_000_000_000_000 } as const;
  const decision = turn(two, running, { cpus }, { phase: 'Terminating', termination });
  expect(updates(decision)).toEqual(['updateCpus ia', 'updateCpus ib']);
});
