import type { Container, VolumeMount } from '../../types/k8s.ts';
import { attemptedInitContainers, endUnknownContainers, hasInitialized } from './finish.ts';
import { addresses, canonicalIP, sortPodIPs } from './podIPs.ts';
import { matchingRestartRule, restartsAfter } from './restartPolicy.ts';
import { joinMessages, messageBudget, truncateUtf8, withinBudget } from './terminationMessages.ts';
import { inputOf, observed, podOf, sandbox, spec, st } from './testing.ts';
import { refuseRevival } from './transitions.ts';
import { isRecursiveReadOnly } from './volumeMounts.ts';

describe('sortPodIPs', () => {
  const rows: [string[], 4 | 6, string[]][] = [
    [['10.0.0.1'], 4, ['10.0.0.1']],
    [['10.0.0.1', 'fd01::1234'], 4, ['10.0.0.1', 'fd01::1234']],
    [['fd01::1234', '10.0.0.1'], 4, ['10.0.0.1', 'fd01::1234']],
    [['10.0.0.1', 'fd01::1234'], 6, ['fd01::1234', '10.0.0.1']],
    [['fd01::1234', '10.0.0.1'], 6, ['fd01::1234', '10.0.0.1']],
    [['10.0.0.1'], 6, ['10.0.0.1']],
    [['fd01::1234'], 4, ['fd01::1234']],
    [['10.0.0.1', '10.0.0.2', '10.0.0.3'], 4, ['10.0.0.1']],
    [['10.0.0.1', '10.0.0.2', 'fd01::1234', '10.0.0.3', 'fd01::5678'], 4, ['10.0.0.1', 'fd01::1234']],
    [['010.000.000.001', 'fd01:0:0:0:0:0:0:1234'], 4, ['10.0.0.1', 'fd01::1234']],
    [[], 4, []],
  ];
  test.each(rows)('%j, IPv%s first: %j', (ips, family, expected) => expect(sortPodIPs(ips, family)).toEqual(expected));
  test('what is no address stays', () => expect([canonicalIP('x'), canonicalIP('a:b:zz')]).toEqual(['x', 'a:b:zz']));
});

describe('addresses', () => {
  const host = spec('Always', 'a', '', { hostNetwork: true });
  const ready = (...ips: string[]) => observed([], [sandbox({ ips })]);
  const rows: [string, ReturnType<typeof spec>, string[], ReturnType<typeof observed> | null, string[], string[]][] = [
    ['from the sandbox', spec('Always', 'a'), ['1.1.1.1'], ready('10.0.0.1'), [], ['10.0.0.1']],
    [
      'new address after a re-created sandbox',
      spec('Always', 'a'),
      ['1.1.1.1'],
      ready('10.0.0.2'),
      ['10.0.0.1'],
      ['10.0.0.2'],
    ],
    [
      'kept when the sandbox stopped',
      spec('Always', 'a'),
      ['1.1.1.1'],
      observed([], [sandbox({ ready: false, ips: [] })]),
      ['10.0.0.1'],
      ['10.0.0.1'],
    ],
    [
      'kept without a sandbox',
      spec('Always', 'a'),
      ['1.1.1.1'],
      observed([], []),
      ['10.0.0.1', 'fd00::1'],
      ['10.0.0.1', 'fd00::1'],
    ],
    ['kept before the first read', spec('Always', 'a'), ['1.1.1.1'], null, ['10.0.0.1'], ['10.0.0.1']],
    ['cleared by a ready sandbox without one', spec('Always', 'a'), ['1.1.1.1'], ready(), ['10.0.0.1'], []],
    ['hostNetwork', host, ['10.0.0.1'], ready(), [], ['10.0.0.1']],
    ['hostNetwork, dual-stack', host, ['10.0.0.1', 'fd01::1234'], ready(), [], ['10.0.0.1', 'fd01::1234']],
    [
      'hostNetwork, second family later',
      host,
      ['10.0.0.1', 'fd01::1234'],
      ready(),
      ['10.0.0.1'],
      ['10.0.0.1', 'fd01::1234'],
    ],
    ['hostNetwork, fixed once set', host, ['10.0.0.9'], ready(), ['10.0.0.1'], ['10.0.0.1']],
    [
      'hostNetwork, the runtime knows better',
      host,
      ['10.0.0.1', 'fd01::1234'],
      ready('192.168.0.1'),
      [],
      ['192.168.0.1', 'fd01::1234'],
    ],
    [
      'hostNetwork, both from the runtime',
      host,
      ['10.0.0.1', 'fd01::1'],
      ready('2001:db8::2', '192.168.0.1'),
      [],
      ['192.168.0.1', '2001:db8::2'],
    ],
    ['hostNetwork, two of one family', host, ['10.0.0.1', '10.0.0.2'], ready(), [], ['10.0.0.1']],
    ['hostNetwork, node address unknown', host, [], ready(), [], []],
  ];
  test.each(rows)('%s', (_name, podSpec, hostIPs, runtime, before, expected) => {
    const previous = {
      podIPs: before.map((ip) => ({ ip })),
      podIP: before[0],
      hostIP: '9.9.9.9',
      hostIPs: [{ ip: '9.9.9.9' }],
    };
    const made = addresses(inputOf(podOf(podSpec), { runtime, hostIPs, previous }));
    expect([made.podIP, (made.podIPs ?? []).map(({ ip }) => ip)]).toEqual([expected[0], expected]);
    expect(made.hostIPs).toEqual(hostIPs.length > 0 ? hostIPs.map((ip) => ({ ip })) : previous.hostIPs);
    expect(made.hostIP).toBe(hostIPs[0] ?? '9.9.9.9');
  });
});

describe('isRecursiveReadOnly', () => {
  const mount = (text: string): VolumeMount => {
    const [readOnly, recursiveReadOnly, mountPropagation] = text.split(' ').map((w) => (w === '-' ? undefined : w));
    return {
      name: 'v',
      mountPath: '/v',
      readOnly: readOnly === 'ro',
      recursiveReadOnly,
      mountPropagation,
    } as VolumeMount;
  };
  test.each([
    ['rw - -', true, false],
    ['ro - -', true, false],
    ['ro Disabled -', true, false],
    ['ro IfPossible -', true, true],
    ['ro IfPossible None', true, true],
    ['ro IfPossible HostToContainer', true, false],
    ['ro IfPossible Bidirectional', true, false],
    ['ro IfPossible -', false, false],
    ['rw IfPossible -', true, false],
    ['ro Enabled -', true, true],
    ['ro Enabled None', true, true],
    ['ro Enabled HostToContainer', true, false],
    ['rw Enabled -', true, false],
    ['ro Enabled -', false, false],
    ['ro foo -', true, false],
  ])('%s, supported %s: %s', (text, supported, expected) =>
    expect(isRecursiveReadOnly(mount(text), supported)).toBe(expected),
  );
});

describe('restart rules', () => {
  const rule = (operator: string, values: number[], action = 'Restart') => ({
    action,
    exitCodes: { operator, values },
  });
  const container = (
    restartPolicy: string | undefined,
    ...restartPolicyRules: Container['restartPolicyRules'] & object
  ): Container => ({ name: 'c', ...(restartPolicy ? { restartPolicy } : {}), restartPolicyRules }) as Container;
  test.each([
    [container('Never', rule('In', [42])), 42, true],
    [container('Never', rule('In', [42])), 1, false],
    [container('Never', rule('NotIn', [1])), 42, true],
    [container('Never', rule('NotIn', [1])), 1, false],
    [container('Never', rule('In', [42], 'RestartAllContainers')), 42, true],
    [container('Never', rule('In', [42], 'Later')), 42, false],
    [container('OnFailure', rule('In', [42])), 1, true],
    [container('OnFailure', rule('In', [42])), 0, false],
    [container(undefined, rule('In', [42])), 42, false],
  ])('%j after %s: %s', (subject, code, expected) => {
    expect(restartsAfter(subject, spec('Never', ''), code)).toBe(expected);
  });
  test('a rule without exit codes speaks about none', () => {
    expect(matchingRestartRule({ name: 'c', restartPolicyRules: [{ action: 'Restart' }] }, 0)).toBeUndefined();
    expect(restartsAfter({ name: 'c' }, { containers: [] }, 0)).toBe(true);
  });
});

describe('refuseRevival', () => {
  const rows: [string, string, string, string, string][] = [
    ['Always', 'a', 'exit 0', 'run', 'run'],
    ['Never', 'a', 'exit 1', 'run', 'exit 1'],
    ['Never', 'a', 'exit 1', 'wait', 'exit 1'],
    ['Never', 'a', 'run', 'wait', 'wait'],
    ['Never', 'a', 'exit 1', 'exit 0', 'exit 0'],
    ['OnFailure', 'a', 'exit 0', 'run', 'exit 0'],
    ['OnFailure', 'a', 'exit 1', 'run', 'run'],
    ['Never', 'a!Always', 'exit 1', 'run', 'run'],
    ['Never', 'a!OnFailure', 'exit 0', 'run', 'exit 0'],
    ['Never', 'a!OnFailure', 'exit 1', 'run', 'run'],
  ];
  test.each(rows)('%s %s: %s → %s gives %s', (policy, name, old, wanted, expected) => {
    const podSpec = spec(policy, name);
    const made = refuseRevival(podSpec.containers, [st('a', old)], [st('a', wanted)], podSpec);
    expect(made).toEqual([st('a', expected)]);
  });
});

describe('the end of a Pod', () => {
  const rows: [string, string, string, string, string][] = [
    // init before, main before, init after, main after; * = unknown end
    ['no init containers', '', 'wait', '', '*'],
    ['ended before once', '', 'wait exit 2', '', '*'],
    ['keeps known ends', '', 'exit 2, wait', '', 'exit 2, *'],
    ['not initialized: the first init container', 'wait', 'wait', '*', 'wait'],
    ['not initialized: only the first', 'wait, wait', 'wait', '*, wait', 'wait'],
    ['not initialized: gaps', 'wait, wait, exit 1, wait', 'wait', '*, *, exit 1, wait', 'wait'],
    ['last init container failed', 'wait, wait, exit 1', 'wait', '*, *, exit 1', 'wait'],
    ['last init container succeeded', 'wait, wait, exit 0', 'wait', '*, *, exit 0', '*'],
    ['it succeeded before once', 'wait, wait, wait exit 0', 'wait', '*, *, *', '*'],
    ['main runs', 'wait', 'run', '*', '*'],
    ['main ended', 'wait', 'exit 0', '*', 'exit 0'],
    ['main ended before once', 'wait', 'wait exit 0', '*', '*'],
  ];
  const forms = (text: string, prefix: string) =>
    text
      .split(', ')
      .filter(Boolean)
      .map((form, i) => st(`${prefix}${i}`, form));
  const shown = (
    statuses: readonly { state?: { terminated?: { exitCode: number; reason?: string }; waiting?: object } }[],
  ) =>
    statuses.map(({ state }) => {
      if (state?.waiting) return 'wait';
      return state?.terminated?.reason === 'ContainerStatusUnknown' ? '*' : `exit ${state?.terminated?.exitCode}`;
    });
  test.each(rows)('%s', (_name, init, main, initAfter, mainAfter) => {
    const lists = { initContainerStatuses: forms(init, 'i'), containerStatuses: forms(main, 'c') };
    const names = (statuses: { name: string }[]) => statuses.map(({ name }) => name).join(' ');
    const podSpec = spec('Never', names(lists.containerStatuses), names(lists.initContainerStatuses));
    const made = endUnknownContainers(podSpec, lists);
    expect(shown(made.initContainerStatuses).join(', ')).toBe(initAfter);
    expect(shown(made.containerStatuses).join(', ')).toBe(mainAfter);
  });
  test('a started sidecar proves initialization; no init containers at all need none', () => {
    const lists = (form: string) => ({ initContainerStatuses: [st('s', form)], containerStatuses: [st('a', 'wait')] });
    const podSpec = spec('Always', 'a', 's*');
    expect([hasInitialized(podSpec, lists('started')), hasInitialized(podSpec, lists('run'))]).toEqual([true, false]);
    expect(attemptedInitContainers([])).toBe(0);
  });
});

describe('termination messages', () => {
  test.each([
    ['', '', ''],
    ['oom', '', 'oom'],
    ['', 'DONE', 'DONE'],
    ['oom', 'DONE', 'oom: DONE'],
  ])('%s + %s', (a, b, all) => {
    expect(joinMessages(a, b)).toBe(all);
  });
  test.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc'],
    ['aäö', 4, 'aä'],
    ['€€', 5, '€'],
    ['😀x', 3, ''],
    ['', 0, ''],
  ])('%s within %s bytes: %s', (text, bytes, expected) => expect(truncateUtf8(text, bytes)).toBe(expected));
  test('12 KiB are shared by all containers', () => {
    expect(messageBudget(spec('Always', 'a b', 'i', { ephemeralContainers: [{ name: 'e' }] }))).toBe(3072);
    expect(messageBudget({ containers: [] })).toBe(12288);
    const long = st('a', 'none', {
      state: { terminated: { exitCode: 1, message: 'x'.repeat(5000) } },
      lastState: { terminated: { exitCode: 1, message: 'ok' } },
    });
    expect(withinBudget(long, 3072).state?.terminated?.message).toHaveLength(3072);
    expect(withinBudget(long, 9000)).toBe(long);
  });
});
