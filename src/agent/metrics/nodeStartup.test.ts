import { Metrics } from '../../k8s/metrics/metrics.ts';
import { nodeStartup } from './nodeStartup.ts';

function setUp() {
  const metrics = new Metrics();
  let wall = 20_000;
  const startup = nodeStartup(metrics, { now: () => wall, startedMs: 12_000, bootMs: 5000 });
  const shown = async () =>
    Object.fromEntries(
      [...(await metrics.text()).matchAll(/^kubelet_node_startup_(\w*?)_?duration_seconds (\S+)$/gm)].map(
        ([, part, value]) => [part, Number(value)],
      ),
    );
  return { startup, shown, pass: (ms: number) => (wall += ms) };
}
const nothing = { '': 0, pre_kubelet: 0, pre_registration: 0, registration: 0, post_registration: 0 };

test('the start of a new Node, in its parts', async () => {
  const { startup, shown, pass } = setUp();
  startup.attempt();
  pass(1000);
  startup.attempt();
  pass(500);
  startup.created();
  pass(2000);
  startup.ready();
  pass(60_000);
  startup.created();
  startup.ready();
  const parts = { pre_kubelet: 7, pre_registration: 8, registration: 1.5, post_registration: 2 };
  expect(await shown()).toEqual({ '': 18.5, ...parts });
});

test('a Node that was there already tells nothing', async () => {
  const { startup, shown } = setUp();
  startup.attempt();
  startup.ready();
  expect(await shown()).toEqual(nothing);
});
