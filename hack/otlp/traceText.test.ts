import type { ReceivedSpan } from '../../src/tracing/testing/otlpSchema.ts';
import { traceText } from './traceText.ts';

const span = (name: string, spanId: string, parentSpanId: string, start: number, end: number, more = {}) =>
  ({
    ...{ traceId: 't1', spanId, parentSpanId, name, kind: 1, start, end, attributes: {}, events: [], links: [] },
    ...{ status: { code: 0, message: '' }, resource: { 'service.name': 'kubelet' }, scope: '' },
    ...more,
  }) as ReceivedSpan;

test('a trace is a tree in the order of time, with bars, details and failures; what others chose is printable', () => {
  const text = traceText([
    span('mountVolume', 'c', 'b', 1_100, 1_500, {
      attributes: { 'k8s.volume.name': 'da\u001b[31mta' },
      status: { code: 2, message: 'no disk' },
    }),
    span('syncPod', 'b', 'a', 1_100, 1_600),
    span('MountingVolume', 'd', 'a', 1_000, 1_500),
    span('Pod start', 'a', '', 1_000, 2_000, { attributes: { 'k8s.pod': 'ns/web' } }),
    span('containerd work', 'e', 'c', 1_200, 1_300, { resource: { 'service.name': 'containerd' } }),
  ]);
  expect(text.split('\n')).toEqual([
    'Pod start ns/web, trace t1, 1970-01-01T00:00:01.000Z',
    '     +0 ms    1000 ms |================================| Pod start',
    '     +0 ms     500 ms |================                |   MountingVolume',
    '   +100 ms     500 ms |   =================            |   syncPod',
    expect.stringMatching(
      /^ {3}\+100 ms {5}400 ms \| {3}={13} {16}\| {5}mountVolume k8s.volume.name=da\P{Cc}*ta FAILED no disk$/u,
    ),
    '   +200 ms     100 ms |      ====                      |       containerd work service.name=containerd',
    '',
  ]);
});
