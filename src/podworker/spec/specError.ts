import { goQuote } from '../../k8s/goText.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { Pod } from '../../types/k8s.ts';

/**
 * The Pod's spec and what was resolved for it do not make a valid request to the runtime. The message is the Go kubelet's,
 * because it ends in the container's waiting state (reason CreateContainerConfigError) or in an event.
 */
export class SpecError extends KubeletError {
  constructor(message: string) {
    super(message, { code: 'InvalidSpec', reason: 'CreateContainerConfigError' });
  }
}

/** A Pod as the kubelet's messages name it: `name_namespace(uid)`. */
function podDescription(pod: Pod): string {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return `${name}_${namespace}(${uid})`;
}

/** podDescription in quotes. */
export function quotedPod(pod: Pod): string {
  return goQuote(podDescription(pod));
}
