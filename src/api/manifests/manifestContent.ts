import type { ConfigMap, Secret, StoredPod } from '../../types/k8s.ts';

/** What is wrong with a manifest, or odd about it. */
export interface ManifestProblem {
  /** Path of the file, or the URL. */
  readonly file: string;
  readonly line?: number;
  /** One sentence with the place: `/etc/kubernetes/manifests/web.yaml:7: Pod "web": spec.containers[0].image: Required value`. */
  readonly sentence: string;
}

/** An object that Pods of standalone mode may name. */
export type LocalObject = ConfigMap | Secret;

/** What a manifest holds. With `problems` nothing else counts: a manifest is taken as a whole or not at all. */
export interface ManifestContent {
  readonly pods: readonly StoredPod[];
  readonly objects: readonly LocalObject[];
  readonly problems: readonly ManifestProblem[];
  /** Worth a log line: unknown fields that were left out. */
  readonly warnings: readonly ManifestProblem[];
}

/** How manifests are judged. */
export interface ManifestRules {
  /** No API server: ConfigMap and Secret manifests are allowed and Pods may name them. */
  readonly standalone: boolean;
  /** The gate PreventStaticPodAPIReferences. */
  readonly preventApiReferences: boolean;
}
