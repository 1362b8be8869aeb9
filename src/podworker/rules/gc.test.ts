import type { PodFacts } from './facts.ts';
import type { PodMemory } from './memory.ts';
import { box, later, runtime, sandbox, spec, turn } from './testing.ts';

const two = [sandbox({ id: 's1', attempt: 1 }), sandbox({ ready: false })];
const dead = (id: string, attempt: number, more: object = {}) =>
  box('a', 'exited', { id, attempt, createdAt: later(attempt).wall, exitCode: 1, ...more });

/** What a Pod with one running container and these others removes, with the sandboxes that it has stopped. */
function removals(
  others: ReturnType<typeof box>[],
  sandboxes = [sandbox()],
  stoppedSandboxes: string[] = [],
): string[] {
  const sandboxId = sandboxes[0]!.id;
  const running = box('a', 'running', { id: 'up', attempt: 9, createdAt: later(9).wall, sandboxId });
  const facts: Partial<PodFacts> = { runtime: runtime([running, ...others], sandboxes) };
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
