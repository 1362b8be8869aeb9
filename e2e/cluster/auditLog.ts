import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Cluster } from '../../hack/cluster/state.ts';

interface AuditEvent {
  auditID: string;
  stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  verb: string;
  requestURI: string;
  stageTimestamp: string;
  requestReceivedTimestamp: string;
  user?: { username?: string; extra?: Record<string, string[]> };
  responseStatus?: { code?: number; message?: string };
  annotations?: Record<string, string>;
}

/** A request of the node's identity, as the API server's audit log has it. */
export interface AuditedRequest {
  readonly id: string;
  readonly verb: string;
  readonly url: string;
  readonly status: number;
  /** Why it was refused; empty when it was not. */
  readonly reason: string;
  /** Wall clock of its arrival, milliseconds. */
  readonly since: number;
  /** The client certificate that was used, by its digest. */
  readonly credential: string;
}

function events(cluster: Cluster): AuditEvent[] {
  const lines = readFileSync(path.join(cluster.layout.logs, 'audit.log'), 'utf8').split('\n');
  // The last line may be half written.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEvent);
}

function toRequest(event: AuditEvent): AuditedRequest {
  const { code = 0, message = '' } = event.responseStatus ?? {};
  return {
    id: event.auditID,
    verb: event.verb,
    url: event.requestURI,
    status: code,
    reason: code < 400 ? '' : event.annotations?.['authorization.k8s.io/reason'] || message,
    since: Date.parse(event.requestReceivedTimestamp),
    credential: event.user?.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '',
  };
}

/** The finished requests that arrived after `from` (wall clock, milliseconds), in order. */
export function nodeRequests(cluster: Cluster, from: number): AuditedRequest[] {
  const done = events(cluster).filter(({ stage }) => stage === 'ResponseComplete');
  return done.map(toRequest).filter(({ since }) => since >= from);
}

/** The watches that were accepted and have not ended. */
export function openWatches(cluster: Cluster): AuditedRequest[] {
  const open = new Map<string, AuditedRequest>();
  for (const event of events(cluster)) {
    if (event.verb !== 'watch') continue;
    if (event.stage === 'ResponseStarted') open.set(event.auditID, toRequest(event));
    else open.delete(event.auditID);
  }
  return [...open.values()];
}
