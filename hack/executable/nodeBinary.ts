import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repoRoot } from '../lib/paths.ts';

/**
 * The Node that the executable is made of. The npm package `node` fetches its binary in an install script, so package-lock.json
 * says nothing about its bytes; these lines do. To go to another version: package.json, then the lines here.
 */
export const NODE_VERSION = '26.10.0';
const SHA256: Readonly<Record<string, string>> = {
  arm64: '71b004f18a82f3ea8f26109798564a12e5e4c7989a4c35b93851830b5815dd03',
  x64: 'ab9c8eecf9f82d6693cdc3accced17034065c8d96213b0aa76a7e803d20ae1da',
};

export interface NodeBinary {
  readonly file: string;
  /** Of the file as it was installed, in hex. */
  readonly sha256: string;
  /** Node's licence and those of everything in it. */
  readonly license: string;
}

/** The installed binary of this machine's architecture. Throws when it is not the one that is pinned here. */
export function nodeBinary(): NodeBinary {
  const file = path.join(repoRoot, 'node_modules/node/bin/node');
  const sha256 = expectPinned(file, process.arch);
  const license = path.join(repoRoot, `node_modules/node/node_modules/node-linux-${process.arch}/LICENSE`);
  return { file, sha256, license };
}

/** Returns the sha256 of a Node binary in hex. Throws when it is not the pinned one for this processor. */
export function expectPinned(file: string, cpu: string): string {
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  const pinned = SHA256[cpu];
  if (!pinned)
    throw new Error(`no executable is built for ${cpu}: nodeBinary.ts pins ${Object.keys(SHA256).join(', ')}`);
  if (sha256 !== pinned) {
    throw new Error(`${file} is not Node ${NODE_VERSION} as pinned in nodeBinary.ts: sha256 ${sha256}, not ${pinned}`);
  }
  return sha256;
}
