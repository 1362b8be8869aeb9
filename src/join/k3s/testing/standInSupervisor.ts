import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { TestAuthority } from '../../../api/fake/certificates.ts';
import { TunnelServerEnd } from './tunnelServerEnd.ts';

/** A cluster's secrets and what its servers remember, shared by the servers of one cluster. */
export class StandInCluster {
  serverCa = new TestAuthority();
  readonly clientCa = new TestAuthority();
  readonly password = 'a-server-secret-of-the-tests';
  readonly psk = 'ipsec-psk-of-the-tests';
  readonly bootstrapToken = 'abcdef.0123456789abcdef';
  /** Node names with the password that they were first asked for with. */
  readonly nodes = new Map<string, string>();
  /** Nodes whose Node object is gone: their certificates are refused. */
  readonly deleted = new Set<string>();
  /** How long certificates live. */
  lifeSeconds = 86_400;
  config: Record<string, unknown> = {
    ClusterDNS: '10.43.0.10',
    ClusterDomain: 'cluster.local',
    ClusterIPRange: { IP: '10.42.0.0', Mask: '//8AAA==' },
    EgressSelectorMode: 'agent',
    FlannelBackend: 'none',
    DisableCCM: true,
    IPSECPSK: this.psk,
  };
  apiServers: string[] = [];

  /** The whole token. */
  get token(): string {
    return `K10${createHash('sha256').update(this.serverCa.ca).digest('hex')}::server:${this.password}`;
  }

  get bootstrap(): string {
    return this.token.replace(/::.*/, `::${this.bootstrapToken}`);
  }
}

/** What the server does wrong, by path: a status instead of the answer. */
export type Faults = Map<string, number>;

/** A k3s supervisor for tests: the routes of the agent protocol and the tunnel, over throw-away CAs. */
export class StandInSupervisor implements AsyncDisposable {
  readonly cluster: StandInCluster;
  readonly faults: Faults = new Map();
  readonly asked: { method: string; path: string; certificate: string | undefined }[] = [];
  /** Open tunnels by the common name of the node's certificate, the newest last. */
  readonly tunnels: TunnelServerEnd[] = [];
  /** Servers of before 2025: GET alone, and a key of the server's. */
  old = false;
  /** What other paths are answered with: the API server's part. */
  api: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void = (_, response) =>
    void response.end('api');
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(cluster: StandInCluster) {
    this.cluster = cluster;
    const { cert, key } = cluster.serverCa.issue('k3s');
    this.#server = createSecureServer(
      // As Go's servers: HTTP/2 for who offers it.
      { allowHTTP1: true, cert, key, ca: cluster.clientCa.ca, requestCert: true, rejectUnauthorized: false },
      (request, response) => this.#serve(request as never, response as never),
    );
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', () => {});
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as TLSSocket, head));
  }

  static async start(cluster = new StandInCluster(), port = 0): Promise<StandInSupervisor> {
    const supervisor = new StandInSupervisor(cluster);
    await new Promise<void>((resolve, reject) => {
      supervisor.#server.once('error', reject);
      supervisor.#server.listen(port, '127.0.0.1', resolve);
    });
    supervisor.#port = (supervisor.#server.address() as { port: number }).port;
    cluster.config.HTTPSPort ??= supervisor.port;
    return supervisor;
  }

  /** Also after its end. */
  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** As kill -9 does: all connections break. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? '/', 'https://x').pathname;
    this.asked.push({ method: request.method ?? '', path, certificate: this.#node(request) });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const fault = this.faults.get(path);
      if (fault === undefined && !path.startsWith('/v1-k3s/') && path !== '/cacerts') {
        this.api(request, response, Buffer.concat(chunks));
        return;
      }
      const { status, body } =
        fault === undefined
          ? this.#answer(path, request, Buffer.concat(chunks))
          : { status: fault, body: `fault ${fault}` };
      response.writeHead(status).end(body);
    });
  }

  #answer(path: string, request: IncomingMessage, body: Buffer): { status: number; body: string } {
    const { cluster } = this;
    if (path === '/cacerts') return { status: 200, body: cluster.serverCa.ca };
    const node = this.#node(request);
    if ((node && cluster.deleted.has(node)) || (!this.#mayAsk(request) && !node)) return { status: 401, body: '' };
    const texts: Record<string, () => string> = {
      config: () => JSON.stringify(cluster.config),
      'client-ca.crt': () => cluster.clientCa.ca,
      'server-ca.crt': () => cluster.serverCa.ca,
      apiservers: () => JSON.stringify(cluster.apiServers),
      readyz: () => 'ok',
    };
    const name = path.slice('/v1-k3s/'.length);
    if (name === 'serving-kubelet.crt' || name === 'client-kubelet.crt')
      return this.#certify(name.startsWith('client'), request, body);
    const text = texts[name];
    return text ? { status: 200, body: text() } : { status: 404, body: '' };
  }

  #certify(client: boolean, request: IncomingMessage, body: Buffer): { status: number; body: string } {
    const { cluster } = this;
    const name = String(request.headers['k3s-node-name'] ?? '');
    const password = String(request.headers['k3s-node-password'] ?? '');
    if (name === '' || password === '') return { status: 400, body: 'node name is missing' };
    const known = cluster.nodes.get(name);
    if (known !== undefined && known !== password) return { status: 403, body: '' };
    if (this.old && request.method !== 'GET') return { status: 405, body: '' };
    cluster.nodes.set(name, password);
    cluster.deleted.delete(name);
    const ca = client ? cluster.clientCa : cluster.serverCa;
    const subject = client ? `system:node:${name}` : name;
    const groups = client ? ['system:nodes'] : [];
    if (request.method === 'GET') {
      const { cert, key } = ca.issue(subject, groups, cluster.lifeSeconds);
      return { status: 200, body: cert + ca.ca + key };
    }
    return { status: 200, body: ca.certifyAs(body, subject, groups, cluster.lifeSeconds) + ca.ca };
  }

  #mayAsk(request: IncomingMessage): boolean {
    const given = request.headers.authorization ?? '';
    const basic = `Basic ${Buffer.from(`node:${this.cluster.password}`).toString('base64')}`;
    return given === basic || given === `Bearer ${this.cluster.bootstrapToken}`;
  }

  /** The node whose certificate came, checked by the client CA. */
  #node(request: IncomingMessage): string | undefined {
    const socket = request.socket as TLSSocket;
    if (!socket.authorized) return undefined;
    return /^system:node:(.+)$/.exec(String(socket.getPeerCertificate().subject?.CN ?? ''))?.[1];
  }

  #upgrade(request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    const node = this.#node(request);
    socket.on('error', () => {});
    const fault = this.faults.get('/v1-k3s/connect');
    if (request.url !== '/v1-k3s/connect' || node === undefined || fault !== undefined) {
      socket.end(`HTTP/1.1 ${fault ?? 401} No\r\n\r\n`);
      return;
    }
    const end = TunnelServerEnd.accept(node, request, socket, head);
    this.tunnels.push(end);
    socket.once('close', () => this.tunnels.splice(this.tunnels.indexOf(end), 1));
  }
}
