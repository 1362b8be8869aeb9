import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PROGRAM_VERSION } from '../../src/config/version.ts';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';

/** The verbs of the plug-in: kubectl-VERB on PATH is `kubectl VERB`. All are one script. */
const VERBS = {
  why: 'Says why a Pod is not ready, from its node',
  timeline: "Says where a Pod's time went, from its node",
} as const;
const SCRIPT = path.join(repoRoot, 'packaging/kubectl/kubectl-why');

/**
 * Writes the kubectl plug-in into `out`: an archive that any machine with kubectl can use, and a manifest for krew for each verb;
 * `work` is an empty directory. Returns the archive's path.
 */
export async function makeKubectlPlugin(work: string, out: string, epoch: number): Promise<string> {
  for (const verb of Object.keys(VERBS)) copyFileSync(SCRIPT, path.join(work, `kubectl-${verb}`));
  copyFileSync(path.join(repoRoot, 'LICENSE'), path.join(work, 'LICENSE'));
  const archive = path.join(out, `kubectl-why-${PROGRAM_VERSION}.tar.gz`);
  const same = ['--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner', '--mode=go-w'];
  await run('tar', [...same, '-I', 'gzip -n', '-cf', archive, '-C', work, '.']);
  const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex');
  for (const [verb, does] of Object.entries(VERBS))
    writeFileSync(path.join(out, `${verb}.yaml`), krewManifest(verb, does, path.basename(archive), sha256));
  return archive;
}

/** What krew installs the verb from: `kubectl krew install --manifest=VERB.yaml --archive=ARCHIVE`. */
export function krewManifest(verb: string, does: string, archive: string, sha256: string): string {
  const platform = (os: string) => `    - selector: {matchLabels: {os: ${os}}}
      uri: https://example.invalid/${archive}
      sha256: ${sha256}
      bin: kubectl-${verb}
`;
  return `# The archive lies beside this file: kubectl krew install --manifest=${verb}.yaml --archive=${archive}
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata: {name: ${verb}}
spec:
  version: v${PROGRAM_VERSION}
  shortDescription: ${does}
  description: |
    ${does}. The node must run kubelet-ts; the answer comes through the
    API server. You need the rights to get Pods and to get nodes/proxy.
  platforms:
${platform('linux')}${platform('darwin')}`;
}
