// Static Pods: manifests in the node's directory, and their mirrors in the API.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Pod } from '../../src/types/k8s.ts';
import { rest, shell } from './pods.ts';
import type { TestContext } from './test.ts';

function fileOf(t: TestContext, name: string): string {
  return path.join(t.lab.cluster.layout.manifests, `${t.namespace}-${name}.json`);
}

/** Puts a text into the manifest directory in one step, as configuration management does. */
export function writeManifest(t: TestContext, name: string, content: string | object): void {
  const file = fileOf(t, name);
  mkdirSync(path.dirname(file), { recursive: true });
  const hidden = path.join(path.dirname(file), `.${path.basename(file)}.tmp`);
  writeFileSync(hidden, typeof content === 'string' ? content : JSON.stringify(content));
  renameSync(hidden, file);
}

/** Writes the file in place, so that readers may see it half-written. */
export function writeInPlace(t: TestContext, name: string, content: string): void {
  writeFileSync(fileOf(t, name), content);
}

export function removeManifest(t: TestContext, name: string): void {
  if (existsSync(fileOf(t, name))) rmSync(fileOf(t, name));
}

/** A static Pod in the test's namespace. */
export function staticPod(t: TestContext, name: string, spec: object = {}): Pod {
  const containers = [shell('main', rest)];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: t.namespace },
    spec: { terminationGracePeriodSeconds: 2, containers, ...spec },
  } as Pod;
}

/** The name under which a static Pod is in the API. */
export function mirrorName(t: TestContext, name: string): string {
  return `${name}-${t.lab.node}`;
}
