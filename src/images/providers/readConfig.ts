import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { goQuote, goSystemError } from '../../k8s/goText.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { allEntries } from '../../lib/linux/directoryEntries.ts';
import { readBounded } from '../../lib/readBounded.ts';
import { parseYaml } from '../../lib/yaml.ts';
import {
  checkedProvider,
  decodeProviders,
  type ProviderConfig,
  providerProblems,
  type RawProvider,
} from '../rules/providerConfig.ts';

/** A longer file is refused unread. */
const MAX_BYTES = 1024 * 1024;

/** The providers of a node, and the hash of their files for kubelet_credential_provider_config_info. */
export interface ProviderConfigs {
  readonly providers: readonly ProviderConfig[];
  readonly hash: string;
}

/**
 * Reads --image-credential-provider-config (a file, or a directory of .json, .yaml and .yml) and looks for the programs in
 * --image-credential-provider-bin-dir. Rejects with kubelet's sentence: a node that cannot pull must say so at its start.
 */
export async function readProviderConfigs(
  path: string,
  binDir: string,
  allowsTokens: boolean,
): Promise<ProviderConfigs> {
  try {
    await stat(binDir === '' ? '/nonexistent' : binDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new Error(`plugin binary directory ${binDir} did not exist`);
      throw new Error(`error inspecting binary directory ${binDir}: ${goSystemError('stat', error, binDir)}`);
    });
    if (path === '') throw new Error('credential provider config path is empty');
    const { providers, hash } = await readFiles(await filesOf(path));
    const problems = providerProblems(providers, allowsTokens);
    if (problems.length > 0) {
      const all = problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`;
      throw new Error(`failed to validate credential provider config: ${all}`);
    }
    for (const { name } of providers) await findProgram(join(binDir, name));
    return { providers: providers.map(checkedProvider), hash };
  } catch (error) {
    throw new KubeletError(
      `The credential providers of --image-credential-provider-config cannot be used: ${errorMessage(error)}`,
      { code: 'CredentialProviders', cause: error },
    );
  }
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch((error) => {
    throw new Error(`unable to access path ${goQuote(path)}: ${goSystemError('stat', error, path)}`);
  });
  if (!found.isDirectory()) return [path];
  const entries = await allEntries(path);
  const files = entries.filter((one) => !one.isDirectory && /\.(?:json|ya?ml)$/.test(one.name.toString('latin1')));
  if (files.length === 0) throw new Error(`no configuration files found in directory ${goQuote(path)}`);
  return files.sort((a, b) => Buffer.compare(a.name, b.name)).map(({ name }) => join(path, name.toString()));
}

async function readFiles(files: readonly string[]): Promise<{ providers: RawProvider[]; hash: string }> {
  const hash = createHash('sha256');
  const providers: RawProvider[] = [];
  for (const file of files) {
    const data = await readBounded(file, MAX_BYTES).catch((error) => {
      throw new Error(`unable to read file ${goQuote(file)}: ${goSystemError('open', error, file)}`);
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(data.length));
    hash.update(length).update(data);
    for (const provider of decode(file, data.toString('utf8'))) {
      if (providers.some(({ name }) => name === provider.name)) {
        throw new Error(`duplicate provider name ${goQuote(provider.name)} found in configuration file(s)`);
      }
      providers.push(provider);
    }
  }
  return { providers, hash: `sha256:${hash.digest('hex')}` };
}

function decode(file: string, text: string): RawProvider[] {
  try {
    return decodeProviders(parseYaml(text)[0]?.value);
  } catch (error) {
    throw new Error(`error decoding config ${goQuote(file)}: ${errorMessage(error)}`);
  }
}

async function findProgram(path: string): Promise<void> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
    await access(path, constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error(`plugin binary executable ${path} did not exist`);
    }
    throw new Error(`error inspecting binary executable ${path}: ${goSystemError('exec', error, path)}`);
  }
}
