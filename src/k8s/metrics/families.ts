import type { Family } from './family.ts';
import { imageFamilies } from './imageFamilies.ts';
import { nodeFamilies } from './nodeFamilies.ts';
import { podFamilies } from './podFamilies.ts';
import { resourceFamilies } from './resourceFamilies.ts';

/**
 * Every metric that this program counts itself, by name: the one table of their types, labels, buckets and help texts. Names and labels are
 * kubelet's. What `/metrics/cadvisor`, `/metrics/resource` and `process_*` say is read at the scrape and has tables of its own (stats/).
 */
export const FAMILIES = {
  ...podFamilies,
  ...nodeFamilies,
  ...imageFamilies,
  ...resourceFamilies,
} as const satisfies Readonly<Record<string, Family>>;

type Families = typeof FAMILIES;
/** The names of the families of one type. */
export type FamilyName<Type extends Family['type'] = Family['type']> = {
  [Name in keyof Families]: Families[Name]['type'] extends Type ? Name : never;
}[keyof Families];
/** The labels of one family. */
export type LabelOf<Name extends FamilyName> = Families[Name]['labels'][number];
