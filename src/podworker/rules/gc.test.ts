import type { PodFacts } from './facts.ts';
import type { PodMemory } from './memory.ts';
import { box, later, node, runtime, sandbox, spec, turn } from './testing.ts';

const two = [sandbox({ id: 's1', attempt: 1 }), sandbox({ ready: false })];
const dead = (id: string, attempt: number, more: object = {}) =>
  box('a', 'exited', { id, attempt, createdAt: later(attempt).wall, exitCode: 1, ...more });

/** What a Pod with one running container and these others removes, with the sandboxes that it has stopped. */
function removals(
  others: ReturnType<typeof box>[],
  sandboxes = [sandbox()],
  stoppedSandboxes: string[] = [],
  more: Partial<PodFacts> = {},
): string[] {
  const sandboxId = sandboxes[0]!.id;
  const running = box('a', 'running', { id: 'up', attempt: 9, createdAt: later(9).wall, sandboxId });
  const facts: Partial<PodFacts> = { runtime: runtime([running, ...others], sandboxes), ...more };
  const memory: Partial<PodMemory> = { stoppedSandboxes };
  return turn(spec('Always', 'a'), [running, ...others], facts, memory).start.flatMap((action) => {
    if (action.kind === 'removeContainer') return [`container ${action.containerId}`];
    return action.kind === 'removeSandbox' ? [`sandbox ${action.sandboxId}`] : [];
  });
}

test.each<[string, ReturnType<typeof box>[], string[]]>([
  ['the only dead one stays, for lastState and logs --previous', [dead('d1', 1)], []],
  ['of two the newest stays', [dead('d2', 2), dead('d1', 1)], ['container d1']],
  ['of three too', [dead('d3', 3), dead('d2', 2), dead('d1', 1)], ['container d1', 'container d2']],
])('dead containers: %s', (_, others, removed) => {
  expect(removals(others).sort()).toEqual(removed);
});

test('a container that was created in a sandbox before this one is stranded', () => {
  const created = (sandboxId: string) => box('a', 'created', { id: 'new', attempt: 8, createdAt: 1, sandboxId });
  expect(removals([created('s0')], two, ['s0'])).toEqual(['container new']);
  expect(removals([created('s1')], two)).toEqual([]);
});

test.each<[string, ReturnType<typeof box>[], string[], string[]]>([
  ['stopped and empty', [], ['s0'], ['sandbox s0']],
  ['not stopped yet', [], [], []],
  ['stopped, and it still holds the last dead container', [dead('d1', 1, { sandboxId: 's0' })], ['s0'], []],
])('an older sandbox: %s', (_, others, stopped, removed) => {
  expect(removals(others, two, stopped)).toEqual(removed);
});

test.each<[string, number, string[], string[]]>([
  ['as many stay as the flag says', 2, [], ['d1']],
  ['one stays whatever the flag says', 0, [], ['d2', 'd1']],
  ['surplus ones go, though the flag leaves room', 3, ['d3', 'd1'], ['d3', 'd1']],
])('three dead containers: %s', (_, deadPerContainer, surplus, removed) => {
  const more = { node: { ...node, deadPerContainer }, surplus };
  const gone = removals([dead('d3', 3), dead('d2', 2), dead('d1', 1)], [sandbox()], [], more);
  expect(gone.sort()).toEqual(removed.map((id) => `container ${id}`).sort());
});

test('the end that decides about the next run stays, surplus or not', () => {
  const only = box('a', 'exited', { id: 'd1', attempt: 1, exitCode: 1 });
  const facts = { runtime: runtime([only], [sandbox()]), surplus: ['d1'] };
  const { start } = turn(spec('Always', 'a'), [only], facts);
  expect(start.filter(({ kind }) => kind === 'removeContainer')).toEqual([]);
});
