// What drivers say of this node, as it stands in the Node object: ids in an annotation, topology as labels.

import { goJson, goQuote } from '../../../k8s/goText.ts';
import { errorMessage } from '../../../lib/errors.ts';
import type { Node } from '../../../types/k8s.ts';

/** A JSON map of drivers' names to the ids that they know this node by. */
export const NODE_ID_ANNOTATION = 'csi.volume.kubernetes.io/nodeid';

/** What a merge of a Node changes: null takes an annotation away. */
export interface NodeMark {
  readonly annotations?: Readonly<Record<string, string | null>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * What has to change when a driver registers; undefined: nothing. Throws when the annotation cannot be read, or when a label of the
 * driver's topology has another value already: the scheduler would place volumes wrongly.
 */
export function markDriver(
  node: Node,
  driver: string,
  nodeId: string,
  topology: Readonly<Record<string, string>>,
): NodeMark | undefined {
  const ids = idsOf(node);
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(topology)) {
    const existing = labels[key];
    if (existing !== undefined && existing !== value)
      throw new Error(
        `detected topology value collision: driver reported ${goQuote(key)}:${goQuote(value)} but existing label is ${goQuote(key)}:${goQuote(existing)}`,
      );
  }
  const fresh = Object.entries(topology).filter(([key]) => labels[key] === undefined);
  const same = ids[driver] === nodeId;
  if (same && fresh.length === 0) return undefined;
  return {
    ...(same ? {} : { annotations: { [NODE_ID_ANNOTATION]: textOf({ ...ids, [driver]: nodeId }) } }),
    ...(fresh.length === 0 ? {} : { labels: Object.fromEntries(fresh) }),
  };
}

/** What has to change when a driver leaves; undefined: nothing. Its labels stay: Pods may have been placed by them. */
export function unmarkDriver(node: Node, driver: string): NodeMark | undefined {
  const { [driver]: gone, ...rest } = idsOf(node);
  if (gone === undefined) return undefined;
  const left = Object.keys(rest).length > 0 ? textOf(rest) : null;
  return { annotations: { [NODE_ID_ANNOTATION]: left } };
}

function idsOf({ metadata }: Node): Readonly<Record<string, string>> {
  const text = metadata?.annotations?.[NODE_ID_ANNOTATION] ?? '';
  if (text === '') return {};
  try {
    return (JSON.parse(text) as Record<string, string> | null) ?? {};
  } catch (error) {
    throw new Error(
      `failed to parse node's ${goQuote(NODE_ID_ANNOTATION)} annotation value (${goQuote(text)}) err=${errorMessage(error)}`,
    );
  }
}

/** Keys in the order of Go's maps. */
function textOf(ids: Readonly<Record<string, string>>): string {
  return goJson(Object.fromEntries(Object.entries(ids).sort(([a], [b]) => (a < b ? -1 : 1))));
}
