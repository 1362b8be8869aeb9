import { imageFields } from './fields/images.ts';
import { nodeFields } from './fields/node.ts';
import { resourceFields } from './fields/resources.ts';
import { runtimeFields } from './fields/runtime.ts';
import { serverFields, sourceFields } from './fields/server.ts';
import { type Field, type Infer, leaves } from './schema.ts';

/** `apiVersion` and `kind` of a configuration file. */
export const API_VERSION = 'kubelet.config.k8s.io/v1beta1';
export const KIND = 'KubeletConfiguration';

/** The field groups in the order in which help and documentation show them. */
export const FIELD_GROUPS = [
  ['Pod sources', sourceFields],
  ['Node and API client', nodeFields],
  ['Server and its security', serverFields],
  ['Images and runtime', imageFields],
  ['Environment of Pods', runtimeFields],
  ['Resources and feature gates', resourceFields],
] as const;

/** Every field of KubeletConfiguration v1beta1: the one table. */
export const FIELDS = {
  ...sourceFields,
  ...nodeFields,
  ...serverFields,
  ...imageFields,
  ...runtimeFields,
  ...resourceFields,
} as const;

/**
 * The configuration as the program uses it: complete (defaults filled in), frozen, durations in milliseconds, otherwise the names and
 * shapes of KubeletConfiguration v1beta1.
 */
export type KubeletConfiguration = Infer<typeof FIELDS>;

/** The dotted paths of a configuration's leaves; maps and lists count as one leaf. */
type Paths<T> = {
  [K in keyof T & string]: NonNullable<T[K]> extends readonly unknown[]
    ? K
    : NonNullable<T[K]> extends object
      ? string extends keyof NonNullable<T[K]>
        ? K
        : `${K}.${Paths<NonNullable<T[K]>>}`
      : K;
}[keyof T & string];

/** A leaf of KubeletConfiguration, such as `authentication.webhook.enabled`. */
export type ConfigPath = Paths<KubeletConfiguration>;

/** The row of every leaf, by its dotted path such as `authentication.webhook.enabled`. */
export const FIELD_BY_PATH: ReadonlyMap<string, Field<unknown>> = new Map(
  leaves(FIELDS).map(({ path, field }) => [path, field]),
);
