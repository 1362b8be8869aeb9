import { createHash } from 'node:crypto';
import { bounded, EVENT_BYTES } from '../lib/bounded.ts';
import { LruMap } from '../lib/lru.ts';
import type { Event, Mutable } from '../types/k8s.ts';

/** client-go's numbers (tools/record/events_cache.go). */
const MAX_ENTRIES = 4096;
const AGGREGATE_AFTER = 10;
const AGGREGATE_WINDOW_MS = 600_000;
const SPAM_BURST = 25;
const SPAM_REFILL_MS = 300_000;

/** What to do with an event: nothing, POST it, or PATCH the count and time of the one that the API server has. */
export type Correlation =
  | { readonly action: 'skip' }
  | { readonly action: 'create'; readonly event: Event; readonly key: string }
  | { readonly action: 'patch'; readonly event: Event; readonly key: string; readonly patch: object };

interface Bucket {
  tokens: number;
  at: number;
}
interface Similar {
  messages: Set<string>;
  at: number;
}
interface Observed {
  readonly name: string;
  readonly count: number;
  readonly firstTimestamp: string | undefined;
}

/**
 * Keeps one object's troubles from flooding the cluster, by client-go's three steps: a token bucket for each source, object and type; the
 * tenth different message of one reason within ten minutes starts a combined event; equal events are counted in one. `nowMs` is
 * monotonic, `stamp` the wall time for API fields, `suffix` makes names unique.
 */
export class EventCorrelator {
  readonly #buckets = new LruMap<string, Bucket>(MAX_ENTRIES);
  readonly #similar = new LruMap<string, Similar>(MAX_ENTRIES);
  readonly #observed = new LruMap<string, Observed>(MAX_ENTRIES);

  correlate(event: Event, nowMs: number, stamp: string, suffix: string): Correlation {
    const aggregated = this.#aggregate(event, nowMs, stamp, suffix);
    const seen = this.#observed.get(aggregated.key);
    const count = (seen?.count ?? 0) + 1;
    const result: Mutable<Event> = { ...(aggregated.event as Mutable<Event>), count };
    if (seen) {
      result.metadata = { ...result.metadata, name: seen.name };
      if (seen.firstTimestamp !== undefined) result.firstTimestamp = seen.firstTimestamp;
    }
    const { firstTimestamp, metadata } = result;
    this.#observed.set(aggregated.key, { name: metadata?.name ?? '', count, firstTimestamp });
    // As in client-go, a filtered event is counted all the same; the count shows up once there is a token again.
    if (!this.#takeToken(event, nowMs)) return { action: 'skip' };
    if (!seen) return { action: 'create', event: result, key: aggregated.key };
    const patch = { count, lastTimestamp: stamp, message: result.message };
    return { action: 'patch', event: result, key: aggregated.key, patch };
  }

  /**
   * The same for an event that its source updates: the one of this name about the same object gets the new message. Only the first takes a
   * token, so that a thing that goes on for long does not silence everything else about the object.
   */
  update(event: Event, name: string, nowMs: number, stamp: string): Correlation {
    const key = join([...sourceAndObject(event), 'update', name]);
    const seen = this.#observed.get(key);
    if (!seen && !this.#takeToken(event, nowMs)) return { action: 'skip' };
    const count = (seen?.count ?? 0) + 1;
    const { firstTimestamp } = seen ?? event;
    const result: Mutable<Event> = { ...(event as Mutable<Event>), count };
    if (firstTimestamp !== undefined) result.firstTimestamp = firstTimestamp;
    if (seen) result.metadata = { ...result.metadata, name: seen.name };
    this.#observed.set(key, { name: result.metadata?.name ?? '', count, firstTimestamp });
    if (!seen) return { action: 'create', event: result, key };
    return { action: 'patch', event: result, key, patch: { count, lastTimestamp: stamp, message: event.message } };
  }

  /** Takes over what the API server answered: a created event may carry another name. */
  accepted(key: string, event: Event): void {
    const { count = 1, firstTimestamp, metadata } = event;
    const known = this.#observed.get(key);
    if (known && known.count > count) return;
    this.#observed.set(key, { name: metadata?.name ?? '', count, firstTimestamp });
  }

  #takeToken(event: Event, now: number): boolean {
    const key = join([...sourceAndObject(event), event.type]);
    const bucket = this.#buckets.get(key) ?? { tokens: SPAM_BURST, at: now };
    bucket.tokens = Math.min(SPAM_BURST, bucket.tokens + (now - bucket.at) / SPAM_REFILL_MS);
    bucket.at = now;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #aggregate(event: Event, now: number, stamp: string, suffix: string): { event: Event; key: string } {
    const { reportingComponent, reportingInstance, involvedObject, message = '' } = event;
    const said = shortKey(message);
    const groupKey = join([...sourceAndObject(event), event.type, event.reason, reportingComponent, reportingInstance]);
    let similar = this.#similar.get(groupKey);
    if (!similar || now - similar.at > AGGREGATE_WINDOW_MS) similar = { messages: new Set(), at: now };
    similar.messages.add(said);
    similar.at = now;
    this.#similar.set(groupKey, similar);
    if (similar.messages.size < AGGREGATE_AFTER) {
      return {
        event,
        key: join([...sourceAndObject(event), involvedObject.fieldPath, event.type, event.reason, said]),
      };
    }
    // One is dropped so that the set does not grow while it stays over the threshold.
    const [any] = similar.messages;
    similar.messages.delete(any!);
    const combined: Event = {
      ...event,
      metadata: {
        name: eventName(involvedObject.name ?? '', suffix),
        namespace: event.metadata.namespace ?? 'default',
      },
      message: bounded(`(combined from similar events): ${message}`, EVENT_BYTES),
      firstTimestamp: stamp,
      lastTimestamp: stamp,
    };
    return { event: combined, key: groupKey };
  }
}

/** A message as it is remembered: thousands of them are, and a Pod chooses how long they are. */
function shortKey(message: string): string {
  return message.length <= 64 ? message : createHash('sha256').update(message).digest('base64');
}

/** The name of an event: its object's name and something unique. */
export function eventName(object: string, suffix: string): string {
  return `${object}.${suffix}`;
}

function sourceAndObject({ source, involvedObject }: Event): (string | undefined)[] {
  const { kind, namespace, name, uid, apiVersion } = involvedObject;
  return [source?.component, source?.host, kind, namespace, name, uid, apiVersion];
}

const join = (parts: readonly (string | undefined)[]) => parts.map((part) => part ?? '').join('\u0000');
