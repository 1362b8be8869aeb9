import { diff, type Snapshot } from './residueDiff.ts';

const empty: Snapshot = {
  processes: [],
  mounts: [],
  cgroups: [],
  links: [],
  namespaces: [],
  packetFilter: [],
  paths: [],
};

describe('diff', () => {
  test.each(Object.keys(empty) as (keyof Snapshot)[])('reports something new among %s', (kind) => {
    expect(diff(empty, { ...empty, [kind]: ['one'] })).toEqual([`${kind}: one`]);
  });

  test('does not report what was there before or is gone', () => {
    expect(diff({ ...empty, mounts: ['a', 'b'] }, { ...empty, mounts: ['b'] })).toEqual([]);
  });

  test('does not report another cluster, but one whose name only begins like it', () => {
    const after = {
      ...empty,
      cgroups: ['/sys/fs/cgroup/pids/kubelet-ts-two/kubepods'],
      paths: ['/run/kubelet-ts-dev/two-b'],
    };
    expect(diff(empty, after, ['two'])).toEqual(['paths: /run/kubelet-ts-dev/two-b']);
  });
});
