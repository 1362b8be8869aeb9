import type { ConfigMap, Secret } from '../../types/k8s.ts';
import { bytesOfBase64, bytesOfText } from './byteString.ts';
import type { EnvLookups, EnvProblem, Fetched } from './envTypes.ts';

type Kind = 'ConfigMap' | 'Secret';
interface Selector {
  readonly name?: string;
  readonly optional?: boolean;
}

/** Entries of an object (values as byte strings), nothing because it is optional, or what is wrong. */
export type EnvEntries = { readonly entries: ReadonlyMap<string, string> } | null | EnvProblem;

/** Reads whole ConfigMaps and Secrets, each decoded once for one container. */
export class EnvObjects {
  private readonly lookups: EnvLookups;
  private readonly namespace: string;
  private readonly decoded = new Map<string, ReadonlyMap<string, string>>();

  constructor(lookups: EnvLookups, namespace: string) {
    this.lookups = lookups;
    this.namespace = namespace;
  }

  /** All entries of the object; null when it is optional and absent. */
  entries(kind: Kind, selector: Selector): EnvEntries {
    const { name = '', optional = false } = selector;
    const known = this.decoded.get(`${kind}/${name}`);
    if (known) return { entries: known };
    if (!this.lookups.hasApiServer) {
      const message = `couldn't get ${kind === 'ConfigMap' ? 'configMap' : 'secret'} ${this.namespace}/${name}, no kubeClient defined`;
      return { kind: 'invalid', message };
    }
    const fetched = this.fetched(kind, name);
    if (fetched?.state === 'found') {
      const entries = decode(kind, fetched.object);
      this.decoded.set(`${kind}/${name}`, entries);
      return { entries };
    }
    if (fetched?.state === 'notFound' && optional) return null;
    return this.problem(kind, selector, fetched);
  }

  /** One entry's byte string; null when it is optional and absent. */
  value(kind: Kind, selector: Selector & { readonly key: string }): { value: string } | null | EnvProblem {
    const object = this.entries(kind, selector);
    if (object === null || !('entries' in object)) return object;
    const value = object.entries.get(selector.key);
    if (value !== undefined) return { value };
    if (selector.optional) return null;
    const { name = '', key, optional = false } = selector;
    return {
      kind: 'keyMissing',
      message: `couldn't find key ${key} in ${kind} ${this.namespace}/${name}`,
      reference: { kind, namespace: this.namespace, name, optional },
    };
  }

  private fetched(kind: Kind, name: string): Fetched<ConfigMap | Secret> | undefined {
    return kind === 'ConfigMap' ? this.lookups.configMaps.get(name) : this.lookups.secrets.get(name);
  }

  private problem(
    kind: Kind,
    { name = '', optional = false }: Selector,
    fetched: Fetched<unknown> | undefined,
  ): EnvProblem {
    const resource = kind.toLowerCase();
    const reference = { kind, namespace: this.namespace, name, optional };
    if (fetched?.state === 'notFound')
      return { kind: 'notFound', message: `${resource} "${name}" not found`, reference };
    const message =
      fetched?.state === 'failed'
        ? fetched.message
        : `failed to sync ${resource} cache: timed out waiting for the condition`;
    return { kind: 'notRead', message, reference };
  }
}

function decode(kind: Kind, object: ConfigMap | Secret): ReadonlyMap<string, string> {
  const toBytes = kind === 'ConfigMap' ? bytesOfText : bytesOfBase64;
  return new Map(Object.entries(object.data ?? {}).map(([key, value]) => [key, toBytes(value)]));
}
