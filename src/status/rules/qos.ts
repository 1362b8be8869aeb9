// The class is needed below the status too (cgroups, admission), so the rule itself lives in lib.
export type { PodQOSClass } from '../../lib/qos.ts';
export { computePodQOS, podQOS } from '../../lib/qos.ts';
