// A container runtime whose calls take long for some Pods: a proxy in front of the real one's socket. It passes gRPC through
// as bytes and knows nothing of the messages but where an answer has its id.
import { rmSync } from 'node:fs';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createConnection } from 'node:net';

/** Which calls wait, and how long. */
export interface Slowness {
  /** A request that contains one of these texts waits; so do all that name an id which such a request was answered with. */
  readonly marks: string[];
  /** Milliseconds for the next call that waits. */
  delay(method: string): number;
}

/** The id at the start of an answer of RunPodSandbox or CreateContainer (field 1, a string of 64 characters). */
function idOf(answer: Buffer): string | undefined {
  return answer[5] === 0x0a && answer[6] === 64 ? answer.subarray(7, 71).toString('latin1') : undefined;
}

const makes = /\/(RunPodSandbox|CreateContainer)$/;
/** Streams of the runtime have no Pod, and their request does not end before their answer begins. */
const streams = /\/GetContainerEvents$/;

/** The proxy. `delayed` counts the calls that had to wait. */
export class SlowRuntime implements AsyncDisposable {
  readonly endpoint: string;
  readonly #target: string;
  readonly #slowness: Slowness;
  readonly #server = createServer();
  readonly #sessions = new Set<ServerHttp2Session>();
  #backend: ClientHttp2Session | undefined;
  delayed = 0;

  constructor(socket: string, target: string, slowness: Slowness) {
    this.endpoint = `unix://${socket}`;
    this.#target = target;
    this.#slowness = slowness;
    rmSync(socket, { force: true });
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
    });
    this.#server.on('stream', (stream, headers) => this.#serve(stream as ServerHttp2Stream, headers));
    this.#server.listen(socket);
  }

  #connection(): ClientHttp2Session {
    if (!this.#backend || this.#backend.closed || this.#backend.destroyed) {
      this.#backend = connect('http://localhost', { createConnection: () => createConnection(this.#target) });
      this.#backend.on('error', () => {}); // its streams tell
    }
    return this.#backend;
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const method = String(headers[':path']);
    const chunks: Buffer[] = [];
    let ended = false;
    stream.on('error', () => {});
    stream.on('close', () => {
      ended = true;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const request = Buffer.concat(chunks);
      const slow = !streams.test(method) && this.#slowness.marks.some((mark) => request.includes(mark));
      const pass = (): void => {
        if (!ended) this.#pass(stream, headers, request, slow && makes.test(method));
      };
      if (!slow) return pass();
      this.delayed += 1;
      setTimeout(pass, this.#slowness.delay(method)).unref();
    });
  }

  #pass(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, request: Buffer, learn: boolean): void {
    const { ':authority': _, connection: __, ...sent } = headers;
    const far = this.#connection().request(sent, { waitForTrailers: false } as object);
    let first = learn;
    far.on('response', (answer) => {
      if (stream.destroyed) return;
      const { ':status': status, ...rest } = answer;
      stream.respond({ ':status': status, ...rest }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    });
    let trailers: IncomingHttpHeaders = {};
    far.on('trailers', (found) => {
      trailers = found;
    });
    far.on('data', (chunk: Buffer) => {
      const id = first ? idOf(chunk) : undefined;
      first = false;
      if (id) this.#slowness.marks.push(id);
      if (!stream.destroyed) stream.write(chunk);
    });
    far.on('end', () => stream.end());
    far.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    stream.on('close', () => far.close(constants.NGHTTP2_CANCEL));
    far.end(request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    this.#backend?.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}
