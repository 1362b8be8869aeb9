/** A difference between the two kubelets that is meant, or that has no effect, with its reason. */
export interface KnownDifference {
  /** Matched against `request CALL FIELD`, `status FIELD`, `event TEXT`. */
  what: RegExp;
  reason: string;
}

/** What the differential check knows; anything else that it finds is a defect until it is explained here or mended. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    what: /^status containerStatuses\.\d+\.state\.waiting\.(reason|message)$/,
    reason:
      'a failed pull shows ErrImagePull and ImagePullBackOff in turn with both; which of them the sample meets is chance',
  },
];
