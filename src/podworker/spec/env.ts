import { isStaticPod } from '../../k8s/criticalPod.ts';
import { goQuote } from '../../k8s/goText.ts';
import { resourceFieldValue, withDefaultLimits } from '../../k8s/resourceField.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Container, EnvVarSource, FileKeySelector, Pod, ResourceFieldSelector } from '../../types/k8s.ts';
import { bytesOfText, isText, textOfBytes } from './byteString.ts';
import { envFieldValue } from './envField.ts';
import { envFileValue, type ParsedEnvFile, parseEnvFile } from './envFile.ts';
import { EnvObjects } from './envObjects.ts';
import { envFileKey } from './envReferences.ts';
import type { EnvLookups, EnvProblem, ResolvedEnv, ResolvedVariable } from './envTypes.ts';
import { expand, mappingFrom } from './expansion.ts';
import { serviceVariables } from './services.ts';

/** A value as a byte string; null leaves the variable out; or why there is none. */
type Resolved = { readonly value: string } | null | EnvProblem;

/**
 * A container's environment: envFrom in its order, then env, which overrides, then the services' variables that neither has set.
 * `$(NAME)` in a plain value refers to variables declared before it, to envFrom and to services; values from elsewhere are
 * taken as they are. All problems are reported, so that the caller can wait for everything at once; the order of variables is
 * that of declaration, where the Go kubelet's is random.
 */
export function resolveEnv(pod: Pod, container: Container, lookups: EnvLookups): ResolvedEnv {
  const problems: EnvProblem[] = [];
  const services = serviceTable(pod, lookups, problems);
  const objects = new EnvObjects(lookups, pod.metadata?.namespace ?? '');
  const table = new Map<string, string>();
  const files = new Map<string, ParsedEnvFile>();
  collectEnvFrom(container, objects, table, problems);
  const mapping = mappingFrom(table, services);
  for (const { name, value, valueFrom } of container.env ?? []) {
    let resolved: Resolved = { value: '' };
    if (value) resolved = { value: expand(bytesOfText(value), mapping) };
    else if (valueFrom) resolved = fromSource(name, valueFrom, pod, container, lookups, objects, files);
    if (resolved === null) continue;
    if ('value' in resolved) table.set(bytesOfText(name), resolved.value);
    else problems.push(resolved);
  }
  const [first, ...more] = problems;
  if (first) return { missing: [first, ...more] };
  const unset = [...services].filter(([name]) => !table.has(name));
  return { env: [...table, ...unset].map(([name, value]) => toVariable(name, value)) };
}

function serviceTable(pod: Pod, lookups: EnvLookups, problems: EnvProblem[]): Map<string, string> {
  const links = pod.spec?.enableServiceLinks;
  if (links === undefined) {
    const message = 'nil pod.spec.enableServiceLinks encountered, cannot construct envvars';
    problems.push({ kind: 'invalid', message });
  }
  if (!lookups.hasApiServer) return new Map();
  if (lookups.services === null && !isStaticPod(pod)) {
    const message = 'services have not yet been read at least once, cannot construct envvars';
    problems.push({ kind: 'notRead', message });
  }
  return serviceVariables(lookups.services ?? [], pod.metadata?.namespace ?? '', links ?? false);
}

function collectEnvFrom(
  container: Container,
  objects: EnvObjects,
  table: Map<string, string>,
  problems: EnvProblem[],
): void {
  for (const source of container.envFrom ?? []) {
    const { prefix = '', configMapRef, secretRef, ...rest } = source;
    const selector = configMapRef ?? secretRef;
    if (!selector) {
      const unknown = unknownMember(rest);
      if (unknown !== undefined) problems.push(unknownSource('envFrom', unknown));
      continue;
    }
    const found = objects.entries(configMapRef ? 'ConfigMap' : 'Secret', selector);
    if (found === null) continue;
    if (!('entries' in found)) problems.push(found);
    else for (const [key, value] of found.entries) table.set(bytesOfText(prefix + key), value);
  }
}

function fromSource(
  name: string,
  source: EnvVarSource,
  pod: Pod,
  container: Container,
  lookups: EnvLookups,
  objects: EnvObjects,
  files: Map<string, ParsedEnvFile>,
): Resolved {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef) return orInvalid(() => envFieldValue(pod, fieldRef, lookups));
  if (resourceFieldRef) return orInvalid(() => resourceValue(pod, container, resourceFieldRef, lookups));
  if (configMapKeyRef) return objects.value('ConfigMap', configMapKeyRef);
  if (secretKeyRef) return objects.value('Secret', secretKeyRef);
  if (fileKeyRef) return fromFile(fileKeyRef, lookups, files);
  const unknown = unknownMember(source);
  return unknown === undefined ? { value: '' } : unknownSource(`environment variable ${goQuote(name)}`, unknown);
}

/** Unset limits are the Pod's or the node's, but not for an init container that another one names (as in the Go kubelet). */
function resourceValue(pod: Pod, container: Container, selector: ResourceFieldSelector, lookups: EnvLookups): string {
  if (lookups.allocatable === null) throw new Error('failed to find node object, expected a node');
  const name = selector.containerName;
  if (!name) return resourceFieldValue(selector, withDefaultLimits(pod, container.resources, lookups.allocatable));
  const regular = pod.spec?.containers.find((c) => c.name === name);
  if (regular) return resourceFieldValue(selector, withDefaultLimits(pod, regular.resources, lookups.allocatable));
  const init = pod.spec?.initContainers?.find((c) => c.name === name);
  if (init) return resourceFieldValue(selector, init.resources ?? {});
  throw new Error(`container ${name} not found`);
}

function fromFile(selector: FileKeySelector, lookups: EnvLookups, parsed: Map<string, ParsedEnvFile>): Resolved {
  const fileKey = envFileKey(selector);
  const file = lookups.files.get(fileKey);
  if (!file) {
    const message = `cannot find the volume ${goQuote(selector.volumeName)} referenced by FileKeyRef`;
    return { kind: 'file', message };
  }
  if (file.state === 'unreadable') return { kind: 'file', message: "couldn't parse env file" };
  if (file.state === 'refused') return { kind: 'file', message: `couldn't parse env file: ${file.message}` };
  // Read byte by byte, so that lengths and values are the file's own.
  const content = parsed.get(fileKey) ?? parseEnvFile(Buffer.from(file.content).toString('latin1'));
  parsed.set(fileKey, content);
  const found = envFileValue(content, bytesOfText(selector.key));
  if ('value' in found) return found;
  if ('error' in found) return { kind: 'file', message: "couldn't parse env file" };
  if (selector.optional) return null;
  const message = `environment variable key ${goQuote(selector.key)} not found in file ${goQuote(file.hostPath)}`;
  return { kind: 'file', message };
}

function orInvalid(read: () => string): Resolved {
  try {
    return { value: bytesOfText(read()) };
  } catch (error) {
    return { kind: 'invalid', message: errorMessage(error) };
  }
}

/** A member of a union that is set though none that this version knows is: a newer API server has it. */
function unknownMember(union: object): string | undefined {
  return Object.entries(union).find(([, value]) => value !== undefined && value !== null)?.[0];
}

/** The Go kubelet takes it for nothing at all; a container must not run without what it asked for. */
function unknownSource(where: string, kind: string): EnvProblem {
  return { kind: 'invalid', message: `${where} has a source of unknown kind ${goQuote(kind)}` };
}

function toVariable(name: string, value: string): ResolvedVariable {
  const variable = { name: textOfBytes(name), value: textOfBytes(value) };
  return isText(value) ? variable : { ...variable, raw: Buffer.from(value, 'latin1') };
}
