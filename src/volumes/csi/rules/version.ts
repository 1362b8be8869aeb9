// The versions of the container storage interface that a driver says it speaks.
import { goQuote } from '../../../k8s/goText.ts';

/** A version as far as it is compared: its numbers, most significant first. */
export type CsiVersion = readonly number[];

const FORM = /^\s*v?([0-9]+(?:\.[0-9]+)*)/;

/** `1.8.0` as its numbers; a string with why it is none. What follows the numbers does not count. */
function parse(text: string): CsiVersion | string {
  const numbers = FORM.exec(text)?.[1];
  if (numbers === undefined) return `could not parse ${goQuote(text)} as version`;
  const parts = numbers.split('.');
  if (parts.length < 2) return `illegal version string ${goQuote(text)}`;
  const [first = ''] = parts;
  if (first.startsWith('0') && first !== '0')
    return `illegal zero-prefixed version component ${goQuote(first)} in ${goQuote(text)}`;
  return parts.map(Number);
}

/** Less than 0: `a` is the older one. */
export function compareVersions(a: CsiVersion, b: CsiVersion): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** As Kubernetes prints it. */
export function versionText(version: CsiVersion): string {
  return version.join('.');
}

/** The highest 1.x of those; a string with why there is none. Version 2 and later may mean anything, and 0.x is no longer spoken. */
export function highestSupportedVersion(versions: readonly string[]): CsiVersion | string {
  let highest: CsiVersion | undefined;
  let problem = '<nil>';
  for (const text of versions.toReversed()) {
    const version = parse(text);
    if (typeof version === 'string') problem = version;
    else if (version[0]! <= 1 && (!highest || compareVersions(highest, version) < 0)) highest = version;
  }
  if (!highest)
    return `could not find a highest supported version from versions ([${versions.join(' ')}]) reported: ${problem}`;
  if (highest[0] !== 1) return `highest supported version reported is ${versionText(highest)}, must be v1.x`;
  return highest;
}
