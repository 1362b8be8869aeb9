import { errorMessage, isAbort } from '../lib/errors.ts';
import type { Tracing } from '../tracing/spans.ts';

/** The span of one request, until its answer was read or given up. */
export interface RequestSpan {
  readonly traceparent: string;
  answered(status: number): void;
  /** No answer came. */
  failed(error: unknown): void;
  end(): void;
}

/** Begins the span of a request, with the name and attributes of otelhttp: `HTTP PATCH`. */
export function requestSpan(tracing: Tracing, method: string, server: URL, path: string): RequestSpan {
  const port = Number(server.port);
  const span = tracing.start(`HTTP ${method}`, {
    kind: 'client',
    attributes: {
      'http.request.method': method,
      'url.full': server.origin + server.pathname.replace(/\/$/, '') + path,
      'server.address': server.hostname,
      ...(port > 0 ? { 'server.port': port } : {}),
    },
  });
  return {
    traceparent: span.traceparent,
    answered(status) {
      span.set({ 'http.response.status_code': status });
      if (status < 400) return;
      span.set({ 'error.type': String(status) });
      span.fail('');
    },
    failed(error) {
      span.set({ 'error.type': isAbort(error) ? 'canceled' : ((error as Error).name ?? '_OTHER') });
      span.fail(errorMessage(error));
      span.end();
    },
    end: () => span.end(),
  };
}
