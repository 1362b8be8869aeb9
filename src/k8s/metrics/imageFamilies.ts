import { DEFAULT_BUCKETS, type Family } from './family.ts';

const PULL_SECONDS = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

/** Images: pulls, volumes of images, who may use them, what provides credentials, what is removed. */
export const imageFamilies = {
  kubelet_image_pull_duration_seconds: {
    type: 'histogram',
    help: 'Duration of pulls that succeeded, with the wait for their turn, by size of the image',
    labels: ['image_size_in_bytes'],
    buckets: PULL_SECONDS,
  },
  kubelet_image_volume_requested_total: {
    type: 'counter',
    help: 'Image volumes of Pods, at each start of a container',
    labels: [],
    stability: 'BETA',
  },
  kubelet_image_volume_mounted_succeed_total: {
    type: 'counter',
    help: 'Mounts of image volumes that did not fail',
    labels: [],
    stability: 'BETA',
  },
  kubelet_image_volume_mounted_errors_total: {
    type: 'counter',
    help: 'Mounts of image volumes that failed',
    labels: [],
    stability: 'BETA',
  },
  kubelet_image_manager_ensure_image_requests_total: {
    type: 'counter',
    help: 'Images that containers asked for, by pull policy, presence and whether a pull was needed',
    labels: ['pull_policy', 'present_locally', 'pull_required'],
  },
  kubelet_imagemanager_image_mustpull_checks_total: {
    type: 'counter',
    help: 'Checks whether credentials have to be verified again for an image, by result',
    labels: ['result'],
  },
  kubelet_imagemanager_ondisk_pullintents: { type: 'gauge', help: 'ImagePullIntents on disk', labels: [] },
  kubelet_imagemanager_ondisk_pulledrecords: { type: 'gauge', help: 'ImagePulledRecords on disk', labels: [] },
  kubelet_imagemanager_inmemory_pullintents_usage_percent: {
    type: 'gauge',
    help: 'How full the cache of ImagePullIntents is, in percent',
    labels: [],
  },
  kubelet_imagemanager_inmemory_pulledrecords_usage_percent: {
    type: 'gauge',
    help: 'How full the cache of ImagePulledRecords is, in percent',
    labels: [],
  },
  kubelet_image_garbage_collected_total: {
    type: 'counter',
    help: 'Images that were removed because the disk was full or they were old',
    labels: ['reason'],
  },
  kubelet_credential_provider_plugin_errors_total: {
    type: 'counter',
    help: 'Failed runs of credential provider plugins',
    labels: ['plugin_name'],
  },
  kubelet_credential_provider_plugin_duration: {
    type: 'histogram',
    help: 'Duration in seconds of runs of credential provider plugins',
    labels: ['plugin_name'],
    buckets: DEFAULT_BUCKETS,
  },
  kubelet_credential_provider_config_info: {
    type: 'gauge',
    help: "The credential providers' configuration in force, by the hash of its files",
    labels: ['hash'],
  },
} as const satisfies Readonly<Record<string, Family>>;
