import type { Container, Probe } from '../../types/k8s.ts';
import type { Attempt } from '../rules/attempt.ts';

/** What every handler gets to know. */
export interface AttemptContext {
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
  readonly timeoutMs: number;
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
}

/** The ways to probe, as the API names them. */
export const HANDLER_KINDS = ['exec', 'httpGet', 'tcpSocket', 'grpc'] as const satisfies readonly (keyof Probe)[];
export type HandlerKind = (typeof HANDLER_KINDS)[number];

/** The action of one kind in a Probe. */
export type ActionOf<K extends HandlerKind> = NonNullable<Probe[K]>;

/** Carries out one attempt. Never rejects on purpose. */
export type ProbeHandler<K extends HandlerKind> = (action: ActionOf<K>, context: AttemptContext) => Promise<Attempt>;

/** The only command runner that probes and hooks need; the runtime client satisfies it. Rejects as the runtime client does. */
export interface ExecSync {
  execSync(
    containerId: string,
    cmd: string[],
    timeoutSeconds: number,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly stdout: Uint8Array; readonly stderr: Uint8Array; readonly exitCode: number }>;
}

export const USER_AGENT_VERSION = '1.36';
export const NO_POD_IP = 'the Pod has no IP address yet';
