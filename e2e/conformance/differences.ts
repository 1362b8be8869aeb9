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
  {
    what: /^request RemovePodSandbox/,
    reason:
      "the Go kubelet leaves an ended Pod's sandbox to its collection once a minute; kubelet-ts removes it with the Pod",
  },
  {
    what: /^request RemoveContainer$/,
    reason:
      "the Go kubelet leaves some of an ended Pod's containers to its collection, which comes after the record's end; kubelet-ts removes them with the Pod",
  },
  {
    what: /^event Normal (Pulling Pulling image|Pulled (Container image .* already present|Successfully pulled image)) ?/,
    reason:
      'which of the Pods that begin together find the image there: the Go kubelet pulls one image after the other (serializeImagePulls) and looks again, here all of them wait for the one pull and say so',
  },
  {
    what: /^request (StopPodSandbox|RemoveContainer) \(again\)/,
    reason: 'the Go kubelet repeats calls that have succeeded when its next pass sees an older state',
  },
  {
    what: /^request StopContainer timeout$/,
    reason: 'what is left of the grace period after a preStop hook depends on how long the hook took on that day',
  },
  {
    what: /^status resources\.requests$/,
    reason:
      'the Go kubelet shows what the Pod asks for (ephemeral-storage too) until the first pass after the one that made it Running, then cpu and memory only, as kubelet-ts does at once',
  },
  {
    what: /^status (containerStatuses\.\d+\.)?resources\.limits(\.memory)?$/,
    reason:
      'the Go kubelet shows the cgroup v1 number for no limit as a limit of the Pod; kubelet-ts shows no limit where there is none',
  },
];
