import { ApiError } from '../../api/apiError.ts';
import type { Lease, Node } from '../../types/k8s.ts';

/** An API server that holds one Node and one Lease, for tests. `fail` is asked before each call and may throw. */
export class TestApi {
  node: Node | undefined;
  lease: Lease | undefined;
  readonly calls: string[] = [];
  readonly patches: object[] = [];
  fail: (call: string) => void = () => {};
  #version = 0;

  async get(kind: 'Node' | 'Lease'): Promise<never> {
    this.#enter(`get ${kind}`);
    const found = kind === 'Node' ? this.node : this.lease;
    if (!found) throw notFound(kind);
    return found as never;
  }

  async create(kind: 'Node' | 'Lease', object: Node | Lease): Promise<never> {
    this.#enter(`create ${kind}`);
    if (kind === 'Node' ? this.node : this.lease) throw new ApiError(409, 'AlreadyExists', `${kind} exists`);
    return this.#store(kind, object) as never;
  }

  async update(kind: 'Lease', object: Lease): Promise<Lease> {
    this.#enter(`update ${kind}`);
    if (!this.lease) throw notFound(kind);
    if (object.metadata?.resourceVersion !== this.lease.metadata?.resourceVersion) {
      throw new ApiError(409, 'Conflict', 'the object has been modified');
    }
    return this.#store(kind, object) as Lease;
  }

  async patch(
    kind: 'Node',
    _ref: object,
    _type: string,
    patch: object,
    options?: { subresource?: string },
  ): Promise<Node> {
    this.#enter(`patch ${kind}/${options?.subresource}`);
    if (!this.node) throw notFound(kind);
    this.patches.push(patch);
    const { metadata, status } = patch as { metadata?: object; status?: Record<string, unknown> };
    const addresses = (status?.addresses as { $patch?: string }[] | undefined)?.filter((one) => !one.$patch);
    return this.#store(kind, {
      ...this.node,
      metadata: { ...this.node.metadata, ...merge(this.node.metadata as never, metadata as never) },
      status: { ...merge(this.node.status as never, status as never), ...(addresses && { addresses }) } as never,
    }) as Node;
  }

  #enter(call: string): void {
    this.calls.push(call);
    this.fail(call);
  }

  #store(kind: string, object: Node | Lease): Node | Lease {
    const metadata = { uid: `${kind}-uid`, ...object.metadata, resourceVersion: String(++this.#version) };
    const stored = { ...object, metadata };
    if (kind === 'Node') this.node = stored as Node;
    else this.lease = stored as Lease;
    return stored;
  }
}

function notFound(kind: string): ApiError {
  const details = { name: 'node-1', kind: `${kind.toLowerCase()}s` };
  return new ApiError(404, 'NotFound', `${kind} not found`, undefined, details);
}

/** A merge patch; enough for what tests look at. */
function merge(target: Record<string, unknown> = {}, patch: Record<string, unknown> = {}): Record<string, unknown> {
  const result = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (typeof value === 'object' && !Array.isArray(value))
      result[key] = merge(target[key] as never, value as never);
    else result[key] = value;
  }
  return result;
}
