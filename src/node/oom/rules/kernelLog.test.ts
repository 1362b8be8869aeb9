import { threadCpuMs } from '../../../lib/fake/cpuTime.ts';
import { type OomKill, type OpenReport, parseRecord, readReport, systemOomEvent } from './kernelLog.ts';

function kills(...messages: string[]): OomKill[] {
  let open: OpenReport | undefined;
  const found: OomKill[] = [];
  for (const message of messages) {
    const next = readReport(open, message);
    open = next.open;
    if (next.kill) found.push(next.kill);
  }
  return found;
}

const begin = 'stress invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=984';
const oom = (where: string, task: string) =>
  `oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0-1,3,${where},task_memcg=/kubepods/pod1,task=${task},pid=77,uid=0`;

test.each<[string, string[], OomKill[]]>([
  ['the machine', [begin, 'Mem-Info:', oom('global_oom', 'stress')], [{ where: '/', process: 'stress', pid: 77 }]],
  [
    'a limit',
    [begin, oom('oom_memcg=/kubepods/pod1', 'stress')],
    [{ where: '/kubepods/pod1', process: 'stress', pid: 77 }],
  ],
  [
    'a task that calls itself something else',
    [begin, oom('oom_memcg=/kubepods/pod1', 'a,pid=1,uid=0,oom_memcg=/')],
    [{ where: '/kubepods/pod1', process: 'a,pid=1,uid=0,oom_memcg=/', pid: 77 }],
  ],
  [
    'an old kernel, the machine',
    [begin, 'Out of memory: Killed process 8 (ab) c) total-vm:1kB'],
    [{ where: '/', process: 'ab) c', pid: 8 }],
  ],
  [
    'an old kernel, a limit',
    [begin, 'Task in /a/b killed as a result of limit of /a', 'Killed process 8 (x) total-vm:1kB'],
    [{ where: '/a', process: 'x', pid: 8 }],
  ],
  ['nothing began', [oom('global_oom', 'stress'), 'Killed process 8 (x)'], []],
  [
    'each report once',
    [begin, oom('global_oom', 'a'), 'Out of memory: Killed process 77 (a)'],
    [{ where: '/', process: 'a', pid: 77 }],
  ],
])('%s', (_what, messages, expected) => expect(kills(...messages)).toEqual(expected));

test('only the want of the machine’s own memory is an Event of the Node', () => {
  expect(systemOomEvent({ where: '/', process: 'a', pid: 7 })).toEqual({
    type: 'Warning',
    reason: 'SystemOOM',
    message: 'System OOM encountered, victim process: a, pid: 7',
  });
  expect(systemOomEvent({ where: '/', process: '', pid: 0 })?.message).toBe('System OOM encountered');
  expect(systemOomEvent({ where: '/kubepods', process: 'a', pid: 7 })).toBeUndefined();
});

test('records, and lines that are none', () => {
  expect(parseRecord('6,1234,5678,-;text; with more')).toEqual({ sequence: 1234, message: 'text; with more' });
  expect(parseRecord('4,9,1,-,caller=T1;text')).toEqual({ sequence: 9, message: 'text' });
  for (const line of [' SUBSYSTEM=acpi', '', 'no record']) expect(parseRecord(line)).toBeUndefined();
});

test('hostile lines cost no time', () => {
  const began = threadCpuMs();
  const line = `${'oom-kill:constraint=A,nodemask=,oom_memcg=,task_memcg=,task=,pid=1'.repeat(120)}`.slice(0, 8192);
  for (let i = 0; i < 20; i++) readReport({ where: '/' }, line);
  expect(threadCpuMs() - began).toBeLessThan(2000);
});
