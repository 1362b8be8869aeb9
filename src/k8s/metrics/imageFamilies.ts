import { DEFAULT_BUCKETS, type Family } from './family.ts';

/** Images: who may use them, what provides credentials, what is removed. */
export const imageFamilies = {
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
