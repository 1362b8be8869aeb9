import type { CgroupManager } from '../../cgroups/contract.ts';
import { Events } from '../../events/events.ts';
import { openLedger } from '../../ledger/admission.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { readLedgerInput } from '../../node/ledgerInput.ts';
import { ledgerView } from '../../node/ledgerView.ts';
import { LocalNode } from '../../node/localNode.ts';
import { PodCidr } from '../../node/podCidr.ts';
import { nodeSettings } from '../../node/settings.ts';
import { SHUTTING_DOWN } from '../../node/shutdown/rules/words.ts';
import { ShuttingDown } from '../../node/shutdown/shuttingDown.ts';
import { NodePressure } from '../../pods/nodePressure.ts';
import type { ApiConnection } from './api.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** The node itself: what it is, what its Pods may use of it, and who hears of it. */
export interface NodeStage {
  readonly events: Events;
  readonly node: LocalNode;
  /** Published by its owner, which the next stages make. */
  readonly pressure: NodePressure;
  /** Closed until the sources are heard. */
  readonly ledger: Ledger;
  readonly cgroups: CgroupManager;
  readonly shuttingDown: ShuttingDown;
  /** The Node object changed: labels, taints, allocatable. */
  refreshLedger(): void;
}

/** Reads the machine, and makes the node's cgroups. Nothing is written to the API server yet. */
export async function openNode(
  base: Base,
  { cri }: Runtime,
  api: ApiConnection | null,
  stack: AsyncDisposableStack,
): Promise<NodeStage> {
  const { loaded, nodeName, rootDir, recorder, clock, log, table, host } = base;
  const { config, options, gates } = loaded;
  const events = new Events({ nodeName, api: api?.events ?? null, recorder, clock, log });
  const settings = nodeSettings(config, options, gates);
  const pressure = new NodePressure();
  const shuttingDown = new ShuttingDown();
  const node = stack.use(
    await LocalNode.create({
      ...{ config, settings, rootDir, cri, pressure, clock, log },
      mounter: host.createMounter(),
      recordEvent: (event) => events.node(event),
      notReady: () => (shuttingDown.active ? [SHUTTING_DOWN] : []),
    }),
  );
  const input = readLedgerInput(config, nodeName, node.pastDevices.resources);
  const view = () =>
    ledgerView(node.forAdmission(), { ...input, pressures: pressure.conditions, shuttingDown: shuttingDown.active });
  const ledger = openLedger({
    table,
    view,
    // A label may have been set a moment ago, and the watch not have told it yet.
    freshView: async () => {
      const fresh = await api?.heartbeat.get('Node', { name: nodeName }, { timeoutMs: 1000 });
      if (!fresh) return undefined;
      node.seen(fresh);
      return view();
    },
    onEvent: ({ pod, ...subject }, event) => events.pod(pod, subject, event),
  });
  const podCidr = stack.use(new PodCidr(cri, { clock, log }));
  if (!api && config.podCIDR !== '') podCidr.want(config.podCIDR);
  const refreshLedger = () => ledger.setNode(view());
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
  const cgroups = await host.openCgroups(config, cri, node.machine, log, (event) => events.node(event), clock);
  return { events, node, pressure, ledger, cgroups, shuttingDown, refreshLedger };
}
