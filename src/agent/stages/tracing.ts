import { KUBERNETES_VERSION } from '../../config/version.ts';
import type { PodSpans } from '../../tracing/podSpans.ts';
import type { Tracing } from '../../tracing/spans.ts';
import type { AgentInputs } from './preflight.ts';

/** What makes spans, where KubeletConfiguration has `tracing`. */
export interface TracingStage {
  readonly spans: Tracing;
  /** Follows the timelines of all Pods. */
  readonly pods: PodSpans;
}

/** Starts tracing where it is configured. Else nothing of it is even loaded: OpenTelemetry has its price (docs/dependencies.md). */
export async function openTracing(
  { loaded, clock, log }: AgentInputs,
  nodeName: string,
  stack: AsyncDisposableStack,
): Promise<TracingStage | undefined> {
  const { tracing: configured } = loaded.config;
  if (!configured) return undefined;
  const { PodSpans, startTracing } = await import('../../tracing/entry.ts');
  const spans = stack.use(startTracing({ ...configured, nodeName, version: KUBERNETES_VERSION, clock, log }));
  return { spans, pods: new PodSpans(spans, log) };
}
