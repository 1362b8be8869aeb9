import type { Container, ContainerStatus, PodSpec } from '../../types/k8s.ts';
import { phaseOf } from './phase.ts';
import { restartAllRule, spec, st } from './testing.ts';

const facts = { over: false, initialized: false, isStatic: false };
type Row = [name: string, spec: PodSpec, statuses: string, expected: string, facts?: Partial<typeof facts>];

// "a:run b:exit 1" → statuses
function statusesOf(text: string): ContainerStatus[] {
  return text
    .split(', ')
    .filter(Boolean)
    .map((part) => {
      const [name = '', form = ''] = part.split(':');
      return st(name, form);
    });
}

function withRule(name: string, policy: string): Container {
  return { name, restartPolicy: policy, restartPolicyRules: [restartAllRule] };
}

const over = { over: true };
const initialized = { initialized: true };
const overInitialized = { over: true, initialized: true };

const always = spec('Always', 'a b');
const alwaysInit = spec('Always', 'a b', 'x');
const alwaysSide = spec('Always', 'a b', 'x*');
const mixed = spec('Always', 'a', 'x y*');
const never = spec('Never', 'a b');
const neverInit = spec('Never', 'a b', 'x');
const neverSide = spec('Never', 'a b', 'x*');
const onFailure = spec('OnFailure', 'a b');
const ruleMain: PodSpec = { restartPolicy: 'Never', containers: [withRule('c', 'Never')] };
const ruleInit: PodSpec = {
  restartPolicy: 'Never',
  initContainers: [withRule('c', 'Never')],
  containers: [{ name: 'r' }],
};
const ruleSide: PodSpec = {
  restartPolicy: 'Never',
  initContainers: [withRule('c', 'Always')],
  containers: [{ name: 'r' }],
};
const ruleSideInit: PodSpec = {
  restartPolicy: 'Never',
  initContainers: [withRule('c', 'Always'), { name: 'i' }],
  containers: [{ name: 'r' }],
};
const initRuleMain: PodSpec = {
  restartPolicy: 'Never',
  initContainers: [{ name: 'i' }],
  containers: [withRule('c', 'Never')],
};

const rows: Row[] = [
  ['Always: nothing known', always, '', 'Pending'],
  ['Always: all running', always, 'a:run, b:run', 'Running'],
  ['Always: all stopped', always, 'a:exit 0, b:exit 0', 'Running'],
  ['Always: all succeeded, over', always, 'a:exit 0, b:exit 0', 'Succeeded', over],
  ['Always: one failed, over', always, 'a:exit 0, b:exit 1', 'Failed', over],
  ['Always: one failed, over, static', always, 'a:exit 0, b:exit 1', 'Running', { over: true, isStatic: true }],
  ['Always: one stopped', always, 'a:run, b:exit 0', 'Running'],
  ['Always: one unknown', always, 'a:run', 'Pending'],
  ['Always: one unknown without a state', always, 'a:run, b:none', 'Pending'],
  ['Always: one waiting', always, 'a:run, b:wait', 'Pending'],
  ['Always: one in back-off', always, 'a:run, b:wait exit 0', 'Running'],
  ['Always: all in back-off', always, 'a:wait exit 1, b:wait exit 1', 'Running'],

  ['Always+init: nothing known', alwaysInit, '', 'Pending'],
  ['Always+init: init running', alwaysInit, 'x:run', 'Pending'],
  ['Always+init: init failed', alwaysInit, 'x:exit 1', 'Pending'],
  ['Always+init: init waits after success', alwaysInit, 'x:wait exit 0', 'Pending'],
  ['Always+init: init waits after failure', alwaysInit, 'x:wait exit 1', 'Pending'],
  ['Always+init: init waits', alwaysInit, 'x:wait', 'Pending'],
  ['Always+init: init without a state', alwaysInit, 'x:none, a:run, b:run', 'Pending'],
  ['Always+init: init succeeded', alwaysInit, 'x:exit 0, a:run, b:run', 'Running'],

  ['Always+sidecar: nothing known', alwaysSide, '', 'Pending'],
  ['Always+sidecar: sidecar running', alwaysSide, 'x:run', 'Pending'],
  ['Always+sidecar: sidecar stopped', alwaysSide, 'x:exit 0', 'Pending'],
  ['Always+sidecar: sidecar waits after success', alwaysSide, 'x:wait exit 0', 'Pending'],
  ['Always+sidecar: sidecar waits after failure', alwaysSide, 'x:wait exit 1', 'Pending'],
  ['Always+sidecar: sidecar waits', alwaysSide, 'x:wait', 'Pending'],
  ['Always+sidecar: half of main runs', alwaysSide, 'x:started, a:run', 'Pending', initialized],
  ['Always+sidecar: all run', alwaysSide, 'x:started, a:run, b:run', 'Running', initialized],
  ['Always+sidecar: sidecar restarts, not started', alwaysSide, 'x:run, a:run, b:run', 'Running', initialized],
  ['Always+sidecar: sidecar stopped, main runs', alwaysSide, 'x:exit 0, a:run, b:run', 'Running', initialized],
  ['Always+sidecar: sidecar in back-off', alwaysSide, 'x:wait exit 0, a:run, b:run', 'Running', initialized],
  [
    'Always+sidecar: main succeeded, sidecar failed, over',
    alwaysSide,
    'x:exit 1, a:exit 0, b:exit 0',
    'Succeeded',
    overInitialized,
  ],
  ['Always+sidecar: all succeeded, over', alwaysSide, 'x:exit 0, a:exit 0, b:exit 0', 'Succeeded', overInitialized],
  ['Always+sidecar: new sandbox initializes again', alwaysSide, 'x:run, a:run, b:run', 'Pending'],
  ['Always+sidecar: sidecar without a state', alwaysSide, 'x:none, a:run, b:run', 'Pending', initialized],

  ['Always mixed: all run', mixed, 'x:run, y:run, a:run', 'Pending'],
  ['Always mixed: main stopped, init runs', mixed, 'x:run, y:run, a:exit 0', 'Pending'],
  ['Always mixed: new sandbox, old main stopped', mixed, 'x:exit 0, y:run, a:exit 0', 'Pending'],
  ['Always mixed: same sandbox, main stopped', mixed, 'x:exit 0, y:run, a:exit 0', 'Running', initialized],
  ['Always mixed: sidecar and main run', mixed, 'x:exit 0, y:run, a:run', 'Running', initialized],

  ['Never: nothing known', never, '', 'Pending'],
  ['Never: all running', never, 'a:run, b:run', 'Running'],
  ['Never: all succeeded', never, 'a:exit 0, b:exit 0', 'Succeeded'],
  ['Never: all failed', never, 'a:exit 1, b:exit 1', 'Failed'],
  ['Never: one failed', never, 'a:exit 0, b:exit 1', 'Failed'],
  ['Never: one done', never, 'a:run, b:exit 0', 'Running'],
  ['Never: one unknown', never, 'a:run', 'Pending'],
  ['Never: one waiting', never, 'a:run, b:wait', 'Pending'],

  ['Never+init: nothing known', neverInit, '', 'Pending'],
  ['Never+init: init running', neverInit, 'x:run', 'Pending'],
  ['Never+init: init failed', neverInit, 'x:exit 1', 'Failed'],
  ['Never+init: init failed, main waits', neverInit, 'x:exit 1, a:wait, b:wait', 'Failed'],
  ['Never+init: init waits after success', neverInit, 'x:wait exit 0', 'Pending'],
  ['Never+init: init waits after failure', neverInit, 'x:wait exit 1', 'Failed'],
  ['Never+init: init waits', neverInit, 'x:wait', 'Pending'],
  ['Never+init: init succeeded', neverInit, 'x:exit 0, a:run, b:run', 'Running'],

  ['Never+sidecar: nothing known', neverSide, '', 'Pending'],
  ['Never+sidecar: sidecar running', neverSide, 'x:run', 'Pending'],
  ['Never+sidecar: sidecar stopped', neverSide, 'x:exit 0', 'Pending'],
  ['Never+sidecar: sidecar waits after failure', neverSide, 'x:wait exit 1', 'Pending'],
  ['Never+sidecar: sidecar waits', neverSide, 'x:wait', 'Pending'],
  ['Never+sidecar: half of main runs', neverSide, 'x:started, a:run', 'Pending', initialized],
  ['Never+sidecar: main succeeded, sidecar runs', neverSide, 'x:started, a:exit 0, b:exit 0', 'Running', initialized],
  ['Never+sidecar: main succeeded, sidecar runs again', neverSide, 'x:run, a:exit 0, b:exit 0', 'Running', initialized],
  ['Never+sidecar: all succeeded', neverSide, 'x:exit 0, a:exit 0, b:exit 0', 'Succeeded', initialized],
  ['Never+sidecar: sidecar failed', neverSide, 'x:exit 1, a:exit 0, b:exit 0', 'Succeeded', initialized],
  ['Never+sidecar: sidecar in back-off', neverSide, 'x:wait exit 0, a:exit 0, b:exit 0', 'Succeeded', initialized],
  [
    'Never+sidecar: sidecar in back-off after failure',
    neverSide,
    'x:wait exit 1, a:exit 0, b:exit 0',
    'Succeeded',
    initialized,
  ],

  ['OnFailure: nothing known', onFailure, '', 'Pending'],
  ['OnFailure: all running', onFailure, 'a:run, b:run', 'Running'],
  ['OnFailure: all succeeded', onFailure, 'a:exit 0, b:exit 0', 'Succeeded'],
  ['OnFailure: all failed', onFailure, 'a:exit 1, b:exit 1', 'Running'],
  ['OnFailure: one failed', onFailure, 'a:exit 0, b:exit 1', 'Running'],
  ['OnFailure: one failed, over', onFailure, 'a:exit 0, b:exit 1', 'Failed', over],
  ['OnFailure: one done', onFailure, 'a:run, b:exit 0', 'Running'],
  ['OnFailure: one unknown', onFailure, 'a:run', 'Pending'],
  ['OnFailure: one waiting', onFailure, 'a:run, b:wait', 'Pending'],
  ['OnFailure: one in back-off', onFailure, 'a:run, b:wait exit 0', 'Running'],

  ['own policy Never failed', spec('Always', 'a!Never'), 'a:exit 1', 'Failed', initialized],
  ['own policy OnFailure failed', spec('Always', 'a!OnFailure'), 'a:exit 1', 'Running', initialized],
  ['own policy Always failed', spec('Always', 'a!Always'), 'a:exit 1', 'Running', initialized],
  ['one with own policy Always', spec('Never', 'a!Always b'), 'a:exit 0, b:exit 1', 'Running', initialized],
  ['none restarts, one failed', spec('Always', 'a!Never b!OnFailure'), 'a:exit 1, b:exit 0', 'Failed', initialized],
  [
    'none restarts, all succeeded',
    spec('Always', 'a!Never b!OnFailure'),
    'a:exit 0, b:exit 0',
    'Succeeded',
    initialized,
  ],
  ['init with own policy Never failed', spec('Always', 'a', 'x!Never'), 'x:exit 1', 'Failed', initialized],
  ['init with own policy OnFailure failed', spec('Never', 'a', 'x!OnFailure'), 'x:exit 1', 'Pending', initialized],
  ['sidecar failed', spec('Never', 'a', 'x!Always'), 'x:exit 1', 'Pending', initialized],

  ['rule: main asks for all to restart', ruleMain, 'c:exit 42', 'Running', initialized],
  ['rule: another exit code', ruleMain, 'c:exit 1', 'Failed', initialized],
  ['rule: init asks', ruleInit, 'c:exit 42, r:wait', 'Pending', initialized],
  ['rule: sidecar asks', ruleSide, 'c:exit 42, r:wait', 'Pending', initialized],
  ['rule: sidecar asks, an init waits', ruleSideInit, 'c:exit 42, i:wait, r:wait', 'Pending', initialized],
  ['rule: main removed', ruleMain, 'c:restarting all', 'Running', initialized],
  ['rule: init removed', ruleInit, 'c:restarting all, r:wait', 'Pending', initialized],
  ['rule: sidecar removed', ruleSide, 'c:restarting all, r:wait', 'Pending', initialized],
  [
    'rule: sidecar and init removed',
    ruleSideInit,
    'c:restarting all, i:restarting all, r:wait',
    'Pending',
    initialized,
  ],
  ['rule: init done again', initRuleMain, 'i:exit 0, c:restarting all', 'Running', initialized],
  ['rule: init failed this time', initRuleMain, 'i:exit 1, c:restarting all', 'Failed', initialized],
  ['rule: init succeeded', ruleInit, 'c:exit 0, r:wait', 'Pending', initialized],
  ['rule: sidecar and main removed', ruleSide, 'c:restarting all, r:restarting all', 'Running', initialized],
  ['rule: sidecar runs, main removed', ruleSide, 'c:run, r:restarting all', 'Running', initialized],
  ['rule: sidecar runs, init removed', ruleSideInit, 'c:run, i:restarting all, r:wait', 'Pending', initialized],
];

describe('phaseOf', () => {
  test.each(rows)('%s', (...[, podSpec, statuses, expected, more]) => {
    expect(phaseOf(podSpec, statusesOf(statuses), { ...facts, ...more })).toBe(expected);
  });
});
