import { FilePodSource } from './fileSource.ts';
import type { StaticPodOptions, StaticPodSource } from './staticPods.ts';
import { UrlPodSource } from './urlSource.ts';

/** The fields of KubeletConfiguration that name static Pods; durations in milliseconds. */
export interface StaticPodSettings {
  readonly staticPodPath: string;
  readonly staticPodURL: string;
  readonly staticPodURLHeader: Readonly<Record<string, readonly string[]>>;
  readonly fileCheckFrequency: number;
  readonly httpCheckFrequency: number;
}

/** The sources of static Pods that a configuration asks for, not yet started. */
export function staticPodSources(settings: StaticPodSettings, options: StaticPodOptions): readonly StaticPodSource[] {
  const { staticPodPath: path, staticPodURL: url, staticPodURLHeader: headers } = settings;
  const files = path === '' ? [] : [new FilePodSource({ ...options, path, rescanMs: settings.fileCheckFrequency })];
  const urls =
    url === '' ? [] : [new UrlPodSource({ ...options, url, headers, periodMs: settings.httpCheckFrequency })];
  return [...files, ...urls];
}
