import { readFile } from 'node:fs/promises';
import { readManifest } from '../api/manifests/readManifest.ts';
import type { Command } from '../config/command.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { planPod } from '../podworker/plan.ts';

/** Stands for the node's name while manifests are read; taken off the Pods' names again. */
const node = 'this-node';

/** Says for each Pod of some manifests what the node would do with it, without doing it. `ok`: every manifest can be used. */
export async function planFiles(command: Extract<Command, { kind: 'plan' }>): Promise<{ ok: boolean; text: string }> {
  const out: { file: string; pod?: string; problems?: string[]; steps?: readonly (readonly string[])[] }[] = [];
  for (const file of command.files) {
    const content = readManifest(
      await read(file),
      { source: 'file', nodeName: node, location: file },
      { standalone: true, preventApiReferences: false },
    );
    if (content.problems.length > 0) out.push({ file, problems: content.problems.map((p) => p.sentence) });
    for (const pod of content.pods) {
      out.push({
        file,
        pod: `${pod.metadata.namespace}/${pod.metadata.name.replace(new RegExp(`-${node}$`), '')}`,
        steps: planPod(pod).map((s) => s.actions),
      });
    }
  }
  const ok = out.every((o) => !o.problems);
  if (command.output === 'json') return { ok, text: `${JSON.stringify(out)}\n` };
  return {
    ok,
    text: out.map((o) => (o.problems ? `${o.problems.join('\n')}\n` : steps(o.pod ?? '', o.steps ?? []))).join(''),
  };
}

function steps(pod: string, list: readonly (readonly string[])[]): string {
  return `${pod} (${list.length} steps; what stands in one step is done side by side):\n${list.map((actions, i) => `  ${i + 1}. ${actions.join('; ')}\n`).join('')}`;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    throw new KubeletError(`the manifest ${file} cannot be read: ${errorMessage(error)}`, {
      code: 'BadManifest',
      cause: error,
    });
  }
}
