import { MIN_SHARES } from '../../k8s/cpuShares.ts';

const MAX_SHARES = 262_144;
const MAX_WEIGHT = 10_000;

/**
 * cpu.weight for CFS shares: a straight line from [2, 262144] to [1, 10000] (KEP-2254). Newer OCI runtimes bend the line for
 * containers; the kubelet's own cgroups keep it, so that a node's Pods stay comparable.
 */
export function cpuWeight(shares: number): number {
  if (shares >= MAX_SHARES) return MAX_WEIGHT;
  return 1 + Math.floor(((Math.max(shares, MIN_SHARES) - MIN_SHARES) * (MAX_WEIGHT - 1)) / (MAX_SHARES - MIN_SHARES));
}

/** The way back; it loses what the line rounds away. */
export function sharesOfWeight(weight: number): number {
  return Math.floor(((weight - 1) * (MAX_SHARES - MIN_SHARES)) / (MAX_WEIGHT - 1)) + MIN_SHARES;
}
