import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { NodePressure } from '../../pods/nodePressure.ts';
import type { Evictor } from './evictor.ts';
import type { PressureKeeper } from './pressureKeeper.ts';
import { type NodeWhy, nodeWhyText, podViews, signalOfInterest, signalViews } from './rules/whyNode.ts';

interface Explained {
  readonly nodeName: string;
  readonly pressure: NodePressure;
  readonly keeper: PressureKeeper;
  readonly evictor: Pick<Evictor, 'ranked'>;
  readonly clock: Clock;
}

/** What the node is short of and who would go next, as text and for programs; Pods are measured now. */
export async function explainNode({ nodeName, pressure, keeper, evictor, clock }: Explained) {
  const { last, doing } = keeper;
  const now = clock.now().mono;
  const signal = last ? signalOfInterest(last) : 'memory.available';
  const layout = last?.layout ?? { imageFs: false, containerFs: false };
  const order = await evictor.ranked(signal, layout).then(
    (ranked) => ({ signal, ...podViews(ranked) }),
    (error) => ({ signal, problem: errorMessage(error), pods: [], next: null }),
  );
  const json: NodeWhy = {
    node: nodeName,
    conditions: pressure.conditions,
    doing,
    ...(last ? { ageMs: now - last.atMs } : {}),
    signals: last ? signalViews(last, now) : [],
    impossible: last?.observed.impossible ?? [],
    order,
  };
  return { text: nodeWhyText(json), json };
}
