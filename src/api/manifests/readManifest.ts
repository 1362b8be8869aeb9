import { deepFreeze } from '../../lib/freeze.ts';
import { parseYaml, YamlError, type YamlFile } from '../../lib/yaml.ts';
import type { Mutable, Pod, StoredPod } from '../../types/k8s.ts';
import { forbiddenReference } from './apiReferences.ts';
import { type Conformance, conform } from './conform.ts';
import { applyPodDefaults } from './defaults.ts';
import { FieldPath } from './fieldPath.ts';
import { Findings } from './findings.ts';
import type { LocalObject, ManifestContent, ManifestProblem, ManifestRules } from './manifestContent.ts';
import { makeStatic, type Origin, staticPodUid } from './staticPod.ts';
import { validateMeta } from './validateMeta.ts';
import { validatePod } from './validatePod.ts';

const MAX_PROBLEMS = 50;

type Json = Record<string, unknown>;
interface Part {
  readonly value: unknown;
  readonly prefix: readonly (string | number)[];
  readonly lineOf: YamlFile['lineOf'];
}
interface Sink {
  readonly origin: Origin;
  readonly rules: ManifestRules;
  readonly pods: StoredPod[];
  readonly objects: LocalObject[];
  readonly problems: ManifestProblem[];
  readonly warnings: ManifestProblem[];
}

/**
 * Reads a manifest: YAML or JSON, one document or many, each a Pod, a PodList or List of Pods and, in standalone mode, a ConfigMap or a
 * Secret. The Pods come out defaulted, validated, named for the node and frozen. Pure, and never throws whatever the text.
 */
export function readManifest(text: string, origin: Origin, rules: ManifestRules): ManifestContent {
  const sink: Sink = { origin, rules, pods: [], objects: [], problems: [], warnings: [] };
  for (const part of partsOf(text, sink)) readObject(part, sink);
  refuseTwins(sink);
  limit(sink.problems);
  limit(sink.warnings);
  const { pods, objects, problems, warnings } = sink;
  return problems.length > 0 ? { pods: [], objects: [], problems, warnings } : { pods, objects, problems, warnings };
}

function partsOf(text: string, sink: Sink): Part[] {
  try {
    const documents = parseYaml(text, { fastJson: true });
    if (documents.length === 0) problem(sink, undefined, 'is empty: it must hold a Pod');
    return documents.flatMap(({ value, lineOf }) => {
      const kind = isJson(value) ? value.kind : undefined;
      const items = isJson(value) && (kind === 'PodList' || kind === 'List') ? value.items : undefined;
      if (!Array.isArray(items)) return [{ value, prefix: [], lineOf }];
      return items.map((item, index) => {
        // The items of a PodList need no kind of their own.
        const named = isJson(item) && kind === 'PodList' ? { apiVersion: 'v1', kind: 'Pod', ...item } : item;
        return { value: named, prefix: ['items', index], lineOf };
      });
    });
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    problem(sink, error.line, `is not valid YAML or JSON: ${error.message}`);
    return [];
  }
}

function readObject(part: Part, sink: Sink): void {
  const line = part.lineOf(part.prefix);
  const { apiVersion, kind } = isJson(part.value) ? part.value : {};
  const allowed = sink.rules.standalone ? ['Pod', 'ConfigMap', 'Secret'] : ['Pod'];
  if (apiVersion !== 'v1' || typeof kind !== 'string' || !allowed.includes(kind)) {
    const found = `apiVersion ${JSON.stringify(apiVersion)}, kind ${JSON.stringify(kind)}`;
    const hint =
      kind === 'ConfigMap' || kind === 'Secret' ? '; ConfigMaps and Secrets are read in standalone mode only' : '';
    problem(
      sink,
      line,
      `must hold ${allowed.join(', ')} or PodList of apiVersion v1, not ${found.slice(0, 200)}${hint}`,
    );
    return;
  }
  const conformance: Conformance = { findings: new Findings(), unknown: [] };
  const object = conform(kind, part.value, FieldPath.root, conformance);
  const label = `${kind} ${JSON.stringify(String((object.metadata as Json)?.name ?? '').slice(0, 80))}`;
  for (const { path, message } of conformance.unknown) {
    sink.warnings.push(located(sink, part, path, `${label}: ${path.text}: ${message}`));
  }
  if (kind === 'Pod') readPod(object as Mutable<Pod>, conformance.findings, sink);
  else readLocalObject(object, conformance.findings, sink);
  for (const { path, message } of conformance.findings.list) {
    sink.problems.push(located(sink, part, path, `${label}: ${path.text}${path.text === '' ? '' : ': '}${message}`));
  }
}

function readPod(pod: Mutable<Pod>, findings: Findings, sink: Sink): void {
  const name = pod.metadata?.name ?? '';
  // A wrong type first: checks of a Pod with holes would only repeat it in other words.
  if (findings.list.length === 0 && name === '') {
    findings.required(FieldPath.root.child('metadata', 'name'), 'name is needed for the pod');
  }
  if (findings.list.length > 0) return;
  keepAuthored(pod);
  const uid = pod.metadata?.uid || staticPodUid(pod, sink.origin);
  applyPodDefaults(pod);
  makeStatic(pod, uid, sink.origin);
  validatePod(pod as Pod, findings);
  if (findings.list.length > 0) return;
  const { standalone, preventApiReferences } = sink.rules;
  const reference = forbiddenReference(pod as Pod, { configMapsAndSecrets: standalone });
  // Without the gate the Go kubelet still refuses what could never work.
  const refused = preventApiReferences || reference === 'resourceclaims' || reference === 'clustertrustbundles';
  if (reference !== undefined && refused) {
    findings.add(FieldPath.root, `static pods may not reference ${reference}`);
    return;
  }
  sink.pods.push(deepFreeze(pod as unknown as StoredPod));
}

/** Leaves out what only the API server may set; copied from a live Pod it would make a Pod that is born deleted, or no mirror. */
function keepAuthored(pod: Mutable<Pod>): void {
  const { name, namespace, uid, labels, annotations } = pod.metadata ?? {};
  pod.metadata = {
    ...(name && { name }),
    ...(namespace && { namespace }),
    ...(uid && { uid }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
  };
  delete pod.status;
}

function readLocalObject(object: Json, findings: Findings, sink: Sink): void {
  if (findings.list.length > 0) return;
  const meta = { ...(object.metadata as Json) } as { name?: string; namespace?: string };
  meta.namespace ||= 'default';
  validateMeta(meta, FieldPath.root.child('metadata'), findings);
  if (findings.list.length === 0)
    sink.objects.push(deepFreeze({ ...object, metadata: meta } as unknown as LocalObject));
}

/** Two Pods of one UID in one manifest would be one Pod with two truths. */
function refuseTwins(sink: Sink): void {
  const uids = new Set<string>();
  for (const { metadata } of sink.pods) {
    if (uids.has(metadata.uid)) {
      problem(sink, undefined, `holds two Pods with the UID ${metadata.uid} (${metadata.namespace}/${metadata.name})`);
    }
    uids.add(metadata.uid);
  }
}

/** A generated manifest can be wrong a thousand times in the same way. */
function limit(problems: ManifestProblem[]): void {
  const more = problems.length - MAX_PROBLEMS;
  if (more <= 0) return;
  const { file } = problems[0]!;
  problems.splice(MAX_PROBLEMS, more, { file, sentence: `${file}: and ${more} more problems` });
}

function problem(sink: Sink, line: number | undefined, sentence: string): void {
  const file = sink.origin.location;
  const at = line === undefined ? file : `${file}:${line}`;
  sink.problems.push({ file, ...(line !== undefined && { line }), sentence: `${at}: ${sentence}` });
}

function located(sink: Sink, part: Part, path: FieldPath, sentence: string): ManifestProblem {
  const file = sink.origin.location;
  const line = part.lineOf([...part.prefix, ...path.parts]);
  return { file, line, sentence: `${file}:${line}: ${sentence}` };
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
