import { Spaced } from '../../lib/spaced.ts';
import { PodCidr } from '../../node/podCidr.ts';
import type { ApiConnection } from './api.ts';
import type { NodeStage } from './node.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** How often a change of devices makes the Node's status be looked at, at most, in ms. */
const CAPACITY_NEWS_MS = 1000;

/** Who changes the node, and who hears of it. */
type NodeNews = Pick<NodeStage, 'node' | 'pressure' | 'shuttingDown' | 'devices' | 'refreshLedger'> &
  Pick<Runtime, 'cri'>;

/** Whatever changes the node reaches the ledger, the Node's status and the runtime, until the stack is disposed of. */
export function followNode(
  { loaded: { config }, clock, log }: Base,
  api: ApiConnection | null,
  { node, pressure, shuttingDown, devices, refreshLedger, cri }: NodeNews,
  stack: AsyncDisposableStack,
): void {
  const podCidr = stack.use(new PodCidr(cri, { clock, log }));
  if (!api && config.podCIDR !== '') podCidr.want(config.podCIDR);
  stack.use(pressure.onChange(refreshLedger));
  api?.onNode((object) => {
    node.seen(object);
    if (object) podCidr.seen(object);
    refreshLedger();
  });
  shuttingDown.onChange(() => {
    refreshLedger();
    node.statusChanged();
  });
  // A plug-in may change its mind without end; what is left out here is written at the status's next turn.
  const capacity = stack.use(new Spaced(clock, CAPACITY_NEWS_MS, () => node.statusChanged()));
  stack.use(devices.onChange(() => capacity.tell(undefined)));
  stack.use(node.onSeen(() => devices.shown(node.node.status?.capacity ?? {})));
}
