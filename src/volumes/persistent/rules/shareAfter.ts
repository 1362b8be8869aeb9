import type { Share, VolumeAction } from './volumeFacts.ts';

/** A step that concerns one Pod's share of a volume. */
export type ShareAction = Exclude<VolumeAction, { readonly kind: 'stage' | 'unstage' }>;

/**
 * What a Pod has of a volume after a step, given what it had; undefined: nothing. `clean`: a step that failed left nothing behind that it
 * had begun.
 */
export function shareAfter(
  had: Share | undefined,
  action: ShareAction,
  failed: boolean,
  clean: boolean,
): Share | undefined {
  switch (action.kind) {
    case 'publish':
      if (!failed) return { ...had, state: 'yes', round: action.round };
      return clean ? had : { ...had, state: 'unsure', round: had?.round ?? -1 };
    case 'expand':
      return failed || !had ? had : { ...had, expandedTo: action.size };
    case 'unpublish':
      return failed && had ? { ...had, state: 'unsure' } : undefined;
  }
}
