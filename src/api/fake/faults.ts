import type { ApiRequest } from './request.ts';

/** What goes wrong with the requests it matches. An absent matcher field matches all. */
export interface Fault {
  readonly verb?: ApiRequest['verb'];
  readonly kind?: ApiRequest['kind'];
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly match?: (request: ApiRequest) => boolean;
  /** How many requests it hits; for ever when absent. */
  readonly times?: number;
  /** Waits before going on. */
  readonly latencyMs?: number;
  /** Answers with this status instead of serving. */
  readonly status?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfterSeconds?: number;
  /** Never answers. */
  readonly hang?: boolean;
  /** Serves the request and then loses the answer by cutting the connection. */
  readonly loseAnswer?: boolean;
}

/** The script of faults; the first that matches a request applies. */
export class Faults {
  readonly #faults = new Map<Fault, number>();

  /** Adds a fault; dispose to take it away. */
  add(fault: Fault): Disposable {
    this.#faults.set(fault, fault.times ?? Number.POSITIVE_INFINITY);
    return { [Symbol.dispose]: () => void this.#faults.delete(fault) };
  }

  clear(): void {
    this.#faults.clear();
  }

  /** The fault for a request, counted. */
  take(request: ApiRequest): Fault | undefined {
    for (const [fault, left] of this.#faults) {
      if (!hits(fault, request)) continue;
      if (left <= 1) this.#faults.delete(fault);
      else this.#faults.set(fault, left - 1);
      return fault;
    }
    return undefined;
  }
}

function hits(fault: Fault, request: ApiRequest): boolean {
  for (const field of ['verb', 'kind', 'namespace', 'name', 'subresource'] as const) {
    if (fault[field] !== undefined && fault[field] !== request[field]) return false;
  }
  return fault.match?.(request) ?? true;
}
