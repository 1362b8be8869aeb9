import type { PodStatus } from '../types/k8s.ts';
import { normalise, sameMeaning } from './normalise.ts';
import { buildStatusPatch } from './patch.ts';

const c = (type: string, status: string, more: object = {}) => ({ type, status, ...more });
const diff = (old: PodStatus, wanted: PodStatus) => buildStatusPatch(old, wanted, 'u1')?.status ?? null;
const web = { name: 'web', image: 'i', imageID: '', ready: false, restartCount: 0 };

describe('buildStatusPatch', () => {
  test('carries the uid', () => {
    expect(buildStatusPatch({}, { phase: 'Running' }, 'u1')).toEqual({
      metadata: { uid: 'u1' },
      status: { phase: 'Running' },
    });
  });

  const equal: [string, PodStatus, PodStatus][] = [
    ['nothing', {}, {}],
    ['the same', { phase: 'Running', podIP: '1.2.3.4' }, { phase: 'Running', podIP: '1.2.3.4' }],
    ['fractions of a second', { startTime: '2026-01-01T00:00:00.5Z' }, { startTime: '2026-01-01T00:00:00Z' }],
    ['time zones', { startTime: '2026-01-01T01:00:00+01:00' }, { startTime: '2026-01-01T00:00:00Z' }],
    ['an empty list and none', { podIPs: [] }, {}],
    ['an empty word and none', { reason: '' }, {}],
    ['nulls', JSON.parse('{"message":null,"conditions":null}'), {}],
    [
      "others' conditions",
      { conditions: [c('x.io/a', 'True')] },
      { conditions: [c('x.io/a', 'False'), c('x.io/b', 'True')] },
    ],
    [
      'a null probe time',
      { conditions: [JSON.parse('{"type":"Ready","status":"True","lastProbeTime":null}')] },
      { conditions: [c('Ready', 'True')] },
    ],
    [
      'only a transition time',
      { conditions: [c('Ready', 'True', { lastTransitionTime: '2026-01-01T00:00:00Z' })] },
      { conditions: [c('Ready', 'True', { lastTransitionTime: '2026-01-02T00:00:00Z' })] },
    ],
    [
      'order of conditions',
      { conditions: [c('Ready', 'True'), c('Initialized', 'True')] },
      { conditions: [c('Initialized', 'True'), c('Ready', 'True')] },
    ],
    [
      'spelling of quantities',
      { containerStatuses: [{ ...web, resources: { limits: { cpu: '0.5', memory: '1024Mi' } } }] },
      { containerStatuses: [{ ...web, resources: { limits: { cpu: '500m', memory: '1Gi' } } }] },
    ],
    [
      'spelling of Pod quantities',
      { allocatedResources: { cpu: '0.5' }, resources: { requests: { cpu: '0.5' } } },
      { allocatedResources: { cpu: '500m' }, resources: { requests: { cpu: '500m' } } },
    ],
    ['an empty lastState', { containerStatuses: [{ ...web, lastState: {} }] }, { containerStatuses: [web] }],
    [
      'readOnly: false',
      { containerStatuses: [{ ...web, volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: false }] }] },
      { containerStatuses: [{ ...web, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
    ],
    [
      'DisruptionTarget in the middle of a life',
      { phase: 'Running' },
      { phase: 'Running', conditions: [c('DisruptionTarget', 'True')] },
    ],
    ["other owners' lists", { resourceClaimStatuses: [{ name: 'a' }], nominatedNodeName: 'n' }, {}],
  ];
  test.each(equal)('null for %s', (_name, old, wanted) => expect(diff(old, wanted)).toBeNull());

  const different: [string, PodStatus, PodStatus, object][] = [
    ['a scalar', { phase: 'Pending' }, { phase: 'Running' }, { phase: 'Running' }],
    [
      'a removed scalar',
      { reason: 'Evicted', message: 'm', podIP: '1.1.1.1' },
      {},
      { reason: null, message: null, podIP: null },
    ],
    [
      'new addresses',
      {},
      { podIPs: [{ ip: 'a' }, { ip: 'b' }] },
      { '$setElementOrder/podIPs': [{ ip: 'a' }, { ip: 'b' }], podIPs: [{ ip: 'a' }, { ip: 'b' }] },
    ],
    [
      'a changed address',
      { podIP: 'a', podIPs: [{ ip: 'a' }] },
      { podIP: 'b', podIPs: [{ ip: 'b' }] },
      { podIP: 'b', '$setElementOrder/podIPs': [{ ip: 'b' }], podIPs: [{ ip: 'b' }, { $patch: 'delete', ip: 'a' }] },
    ],
    [
      'a second address',
      { hostIPs: [{ ip: 'a' }] },
      { hostIPs: [{ ip: 'a' }, { ip: 'b' }] },
      { '$setElementOrder/hostIPs': [{ ip: 'a' }, { ip: 'b' }], hostIPs: [{ ip: 'b' }] },
    ],
    [
      'swapped addresses',
      { podIPs: [{ ip: 'a' }, { ip: 'b' }] },
      { podIPs: [{ ip: 'b' }, { ip: 'a' }] },
      { '$setElementOrder/podIPs': [{ ip: 'b' }, { ip: 'a' }] },
    ],
    ['no address left', { podIPs: [{ ip: 'a' }] }, {}, { podIPs: null }],
    [
      'an atomic list',
      { containerStatuses: [web] },
      { containerStatuses: [{ ...web, ready: true }] },
      { containerStatuses: [{ ...web, ready: true }] },
    ],
    ['a removed list', { ephemeralContainerStatuses: [web] }, {}, { ephemeralContainerStatuses: null }],
    [
      'a new condition',
      { conditions: [c('x', 'True')] },
      { conditions: [c('x', 'True'), c('Ready', 'False', { reason: 'r' })] },
      {
        '$setElementOrder/conditions': [{ type: 'x' }, { type: 'Ready' }],
        conditions: [c('Ready', 'False', { reason: 'r' })],
      },
    ],
    [
      'a changed condition',
      { conditions: [c('Ready', 'False', { reason: 'r', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' })] },
      { conditions: [c('Ready', 'True', { lastTransitionTime: '2026-01-02T00:00:00Z' })] },
      {
        '$setElementOrder/conditions': [{ type: 'Ready' }],
        conditions: [
          { type: 'Ready', status: 'True', reason: null, message: null, lastTransitionTime: '2026-01-02T00:00:00Z' },
        ],
      },
    ],
    [
      'a removed condition',
      { conditions: [c('PodResizePending', 'True'), c('x', 'True')] },
      { conditions: [c('x', 'True')] },
      { '$setElementOrder/conditions': [{ type: 'x' }], conditions: [{ $patch: 'delete', type: 'PodResizePending' }] },
    ],
    [
      'a rejected Pod',
      { conditions: [c('PodScheduled', 'True')] },
      { phase: 'Failed' },
      { phase: 'Failed', conditions: [{ $patch: 'delete', type: 'PodScheduled' }] },
    ],
    [
      'DisruptionTarget with the terminal phase',
      { phase: 'Running', conditions: [c('DisruptionTarget', 'True', { reason: 'EvictionByEvictionAPI' })] },
      { phase: 'Failed', conditions: [c('DisruptionTarget', 'True', { reason: 'TerminationByKubelet' })] },
      {
        phase: 'Failed',
        '$setElementOrder/conditions': [{ type: 'DisruptionTarget' }],
        conditions: [{ type: 'DisruptionTarget', reason: 'TerminationByKubelet' }],
      },
    ],
    [
      'resources by key',
      { resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1' } } },
      { resources: { limits: { cpu: '2' } } },
      { resources: { limits: { cpu: '2', memory: null }, requests: null } },
    ],
    [
      'removed resources',
      { resources: { limits: { cpu: '1' } }, allocatedResources: { cpu: '1' } },
      {},
      { resources: null, allocatedResources: null },
    ],
    ['new allocated resources', {}, { allocatedResources: { cpu: '1' } }, { allocatedResources: { cpu: '1' } }],
  ];
  test.each(different)('%s', (_name, old, wanted, expected) => expect(diff(old, wanted)).toEqual(expected));
});

describe('normalise', () => {
  test('keeps what has a meaning of its own', () => {
    expect(normalise({ state: { waiting: {} }, ready: false, restartCount: 0 })).toEqual({
      ready: false,
      restartCount: 0,
      state: { waiting: {} },
    });
    expect(sameMeaning({ state: { waiting: {} } }, { state: {} })).toBe(false);
    expect(normalise('2026-13-45T99:99:99Z')).toBe('2026-13-45T99:99:99Z');
  });
});
