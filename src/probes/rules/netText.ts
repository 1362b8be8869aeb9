const ERRNO: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ECONNABORTED: 'software caused connection abort',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTDOWN: 'host is down',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  EMFILE: 'too many open files',
  ENETDOWN: 'network is down',
  ENETUNREACH: 'network is unreachable',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  ETIMEDOUT: 'connection timed out',
};
const LOOKUP_FAILED = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME', 'ENODATA']);

/** What is known of a connection when it breaks. */
export interface Ends {
  readonly host: string;
  /** `host:port` of the far end. */
  readonly remote: string;
  /** `host:port` of the near end; undefined while not connected. */
  readonly local: string | undefined;
}

/** A network error in the words of Go's net and net/http, which is what people search for. */
export function networkText(error: Error & { code?: string; syscall?: string }, ends: Ends): string {
  const { code = '', syscall } = error;
  if (LOOKUP_FAILED.has(code)) return `dial tcp: lookup ${ends.host}: no such host`;
  if (error.message === 'socket hang up') return 'EOF';
  if (code.startsWith('HPE_')) return 'net/http: HTTP/1.x transport connection broken: malformed HTTP response';
  // Node reports it with either code, depending on whether it was writing.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || error.message.includes('wrong version number')) return HTTP_TO_HTTPS;
  if (code === 'EPROTO') return 'tls: handshake failure';
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return `tls: ${code.toLowerCase().slice(4)}`;
  const words = ERRNO[code] ?? error.message;
  if (ends.local === undefined) return `dial tcp ${ends.remote}: connect: ${words}`;
  if (ERRNO[code] === undefined) return words;
  const verb = syscall === 'write' ? 'write' : 'read';
  return `${verb} tcp ${ends.local}->${ends.remote}: ${verb}: ${words}`;
}

/** The text of a plain answer where TLS was expected; a lifecycle hook then tries again without TLS. */
export const HTTP_TO_HTTPS = 'http: server gave HTTP response to HTTPS client';
