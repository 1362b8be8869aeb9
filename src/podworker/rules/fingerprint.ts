import type { PodFacts } from './facts.ts';

/** The versions of some API objects as one string: it changes when any of them does. */
export function fingerprint(facts: PodFacts, keys: readonly string[]): string {
  return keys
    .map((key) => {
      const object = facts.objects[key];
      return `${key}@${object ? `${object.state}:${object.version ?? ''}` : 'unknown'}`;
    })
    .join(' ');
}

/** The first object whose state is not known yet, with the word on why. */
export function firstUnknown(
  facts: PodFacts,
  keys: readonly string[],
): { object: string; message: string } | undefined {
  for (const key of keys) {
    const object = facts.objects[key];
    if (!object || object.state === 'unknown')
      return { object: key, message: object?.reason ?? 'not read from the API yet' };
  }
  return undefined;
}
