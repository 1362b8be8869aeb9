import type { Container, EnvFromSource, EnvVarSource, Pod } from '../../types/k8s.ts';

/** An API object whose content a container's environment needs. */
export interface EnvReference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly namespace: string;
  readonly name: string;
  /** True when every reference to the object is optional, so that the container starts without it. */
  readonly optional: boolean;
}

/** The ConfigMaps and Secrets of a container's env and envFrom, each once, in the order of their first reference. */
export function envReferences(pod: Pod, container: Container): EnvReference[] {
  const namespace = pod.metadata?.namespace ?? '';
  const found = new Map<string, EnvReference>();
  const add = (kind: EnvReference['kind'], source?: { readonly name?: string; readonly optional?: boolean }) => {
    if (!source) return;
    const { name = '', optional = false } = source;
    const key = `${kind}/${name}`;
    found.set(key, { kind, namespace, name, optional: optional && (found.get(key)?.optional ?? true) });
  };
  const sources: readonly (EnvFromSource | undefined)[] = container.envFrom ?? [];
  for (const source of sources) {
    if (source?.configMapRef) add('ConfigMap', source.configMapRef);
    else add('Secret', source?.secretRef);
  }
  for (const { value, valueFrom } of container.env ?? []) {
    if (!value) addKeyReference(valueFrom, add);
  }
  return [...found.values()];
}

function addKeyReference(
  source: EnvVarSource | undefined,
  add: (kind: EnvReference['kind'], source?: { readonly name?: string; readonly optional?: boolean }) => void,
): void {
  if (source?.fieldRef || source?.resourceFieldRef) return;
  if (source?.configMapKeyRef) add('ConfigMap', source.configMapKeyRef);
  else add('Secret', source?.secretKeyRef);
}

/** A file in one of the Pod's volumes that a container's environment is read from. */
export interface EnvFileReference {
  readonly volumeName: string;
  /** Relative to the volume's root; hostile, must be joined without leaving the volume. */
  readonly path: string;
}

/** The files of a container's fileKeyRef entries, each once. */
export function envFileReferences(container: Container): EnvFileReference[] {
  const found = new Map<string, EnvFileReference>();
  for (const { value, valueFrom } of container.env ?? []) {
    const file = value ? undefined : valueFrom?.fileKeyRef;
    if (file) found.set(envFileKey(file), { volumeName: file.volumeName, path: file.path });
  }
  return [...found.values()];
}

/** Names one file in EnvLookups.files. */
export function envFileKey({ volumeName, path }: EnvFileReference): string {
  return `${volumeName}\0${path}`;
}
