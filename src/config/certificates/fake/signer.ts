import type { FakeApiServer } from '../../../api/fake/server.ts';
import { until } from '../../../lib/fake/until.ts';
import type { CertificateSigningRequest } from '../../../types/k8s.ts';

/** The part of the cluster that approves and signs, played by a test step by step. */
export class FakeSigner {
  readonly #api: FakeApiServer;
  readonly #done = new Set<string>();

  constructor(api: FakeApiServer) {
    this.#api = api;
  }

  /** Waits until a request lies there that was not answered yet. */
  async pending(): Promise<CertificateSigningRequest> {
    await until(() => this.#next() !== undefined);
    return this.#next()!;
  }

  /** How many requests there were. */
  get count(): number {
    return this.#all().length;
  }

  /** Answers the next request with a certificate that is valid from an hour ago for `seconds` from now. Returns the request. */
  async issue(seconds = 86_400): Promise<CertificateSigningRequest> {
    const request = await this.pending();
    const text = Buffer.from(request.spec.request, 'base64').toString();
    const certificate = Buffer.from(this.#api.authority!.certify(text, seconds)).toString('base64');
    this.#answer(request, 'Approved', certificate);
    return request;
  }

  async deny(): Promise<void> {
    this.#answer(await this.pending(), 'Denied');
  }

  #answer(request: CertificateSigningRequest, type: string, certificate?: string): void {
    const name = request.metadata!.name!;
    this.#done.add(name);
    this.#api.objects.edit('CertificateSigningRequest', undefined, name, (object) => {
      object.status = {
        conditions: [{ type, status: 'True', reason: 'Test', message: 'by the test' }],
        ...(certificate ? { certificate } : {}),
      };
    });
  }

  #all(): CertificateSigningRequest[] {
    return this.#api.storage.list('CertificateSigningRequest', undefined, () => true) as CertificateSigningRequest[];
  }

  #next(): CertificateSigningRequest | undefined {
    return this.#all().find((each) => !this.#done.has(each.metadata!.name!));
  }
}
