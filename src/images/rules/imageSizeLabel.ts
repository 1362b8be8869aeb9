const MB = 1024 * 1024;

/** Kubelet's classes of images by size: what is larger than so many bytes has this label. */
const SIZES: readonly (readonly [above: number, label: string])[] = [
  [100 * 1024 * MB, 'GT100GB'],
  [60 * 1024 * MB, '60GB-100GB'],
  [40 * 1024 * MB, '40GB-60GB'],
  [30 * 1024 * MB, '30GB-40GB'],
  [20 * 1024 * MB, '20GB-30GB'],
  [10 * 1024 * MB, '10GB-20GB'],
  [5 * 1024 * MB, '5GB-10GB'],
  [1024 * MB, '1GB-5GB'],
  [500 * MB, '500MB-1GB'],
  [100 * MB, '100MB-500MB'],
  [10 * MB, '10MB-100MB'],
  [0, '0-10MB'],
];

/** The label of kubelet_image_pull_duration_seconds for an image of so many bytes; 0: the runtime did not say. */
export function imageSizeLabel(bytes: number): string {
  return SIZES.find(([above]) => bytes > above)?.[1] ?? 'N/A';
}
