import { deployments } from './cluster/deployments.ts';
import type { Group } from './lib/test.ts';

/** All groups of tests. */
export const groups: readonly Group[] = [deployments];
