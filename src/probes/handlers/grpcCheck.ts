import http2 from 'node:http2';
import { toError } from '../../lib/errors.ts';
import { codeName } from '../../rpc/error.ts';
import { healthRequest, healthStatus } from '../rules/healthMessage.ts';
import { open, type ProbeConnection } from './connection.ts';

/** How one Check ended. `connect`: no HTTP/2 connection came about, so that trying again may help. */
export type CheckEnd =
  | { readonly status: string }
  | { readonly code: string; readonly desc: string }
  | { readonly connect: string };

/** A Check under way. */
export interface Check {
  readonly end: Promise<CheckEnd>;
  /** Whether the far end has been heard as an HTTP/2 server. */
  connected(): boolean;
  cancel(): void;
}

const HTTP_CODES: Readonly<Record<number, string>> = {
  400: 'Internal',
  401: 'Unauthenticated',
  403: 'PermissionDenied',
  404: 'Unimplemented',
  429: 'Unavailable',
  502: 'Unavailable',
  503: 'Unavailable',
  504: 'Unavailable',
};
const MAX_RESPONSE = 64 * 1024;

/**
 * One unary call of grpc.health.v1.Health/Check over plain HTTP/2. It is spoken directly and not through a gRPC library, so
 * that the connection can be dropped by reset (see connection.ts) and costs no channel machinery. Nothing rejects.
 */
export function check(host: string, port: number, authority: string, service: string, userAgent: string): Check {
  let heard = false;
  let finish: (end: CheckEnd) => void = () => {};
  const end = new Promise<CheckEnd>((resolve) => {
    finish = resolve;
  });
  let connection: ProbeConnection | undefined;
  let session: http2.ClientHttp2Session | undefined;
  const settle = (result: CheckEnd) => {
    finish(result);
    connection?.reset(); // before the session shuts the socket down: see there
    session?.destroy();
  };
  const fail = (error: Error) =>
    settle(heard ? { code: 'Unavailable', desc: error.message } : { connect: error.message });
  const connect = () => {
    connection = open(host, port, false, fail);
    return connection.socket;
  };
  try {
    session = http2.connect(`http://${authority}`, { createConnection: connect });
    session.on('error', fail);
    session.on('close', () => fail(new Error('error reading from server: EOF')));
    session.once('remoteSettings', () => {
      heard = true;
    });
    send(session, service, userAgent, settle, fail);
  } catch (error) {
    // A host or port that nothing can be sent to: what was opened by then is closed.
    fail(toError(error));
  }
  return { end, connected: () => heard, cancel: () => settle({ code: 'Canceled', desc: 'context canceled' }) };
}

function send(
  session: http2.ClientHttp2Session,
  service: string,
  userAgent: string,
  settle: (end: CheckEnd) => void,
  fail: (error: Error) => void,
): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': userAgent,
  });
  const chunks: Buffer[] = [];
  let length = 0;
  let headers: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > MAX_RESPONSE) settle({ code: 'ResourceExhausted', desc: 'the answer is too long' });
    else chunks.push(chunk);
  });
  stream.on('error', fail);
  stream.on('end', () => {
    if (headers[':status'] === undefined) fail(new Error('error reading from server: EOF'));
    else settle(judge(headers, trailers, Buffer.concat(chunks)));
  });
  stream.end(healthRequest(service));
}

function judge(headers: http2.IncomingHttpHeaders, trailers: http2.IncomingHttpHeaders, body: Buffer): CheckEnd {
  const code = trailers['grpc-status'] ?? headers['grpc-status'];
  const httpStatus = Number(headers[':status'] ?? 0);
  if (code === undefined && httpStatus !== 200) {
    const desc = `unexpected HTTP status code received from server: ${httpStatus}`;
    return { code: HTTP_CODES[httpStatus] ?? 'Unknown', desc };
  }
  if (code === undefined) return { code: 'Internal', desc: 'server closed the stream without sending trailers' };
  if (Number(code) !== 0) {
    return { code: codeName(Number(code)), desc: percentDecoded(trailers['grpc-message'] ?? headers['grpc-message']) };
  }
  const status = healthStatus(body);
  return status === undefined ? { code: 'Internal', desc: 'the answer is no HealthCheckResponse' } : { status };
}

function percentDecoded(message: string | string[] | undefined): string {
  const text = Array.isArray(message) ? message.join(',') : (message ?? '');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
