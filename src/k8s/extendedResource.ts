import { qualifiedNameErrors } from './nameValidation.ts';

/** A resource outside kubernetes.io: of a device plugin, or set on the node by an administrator. */
export function isExtendedResource(name: string): boolean {
  if (!name.includes('/') || name.includes('kubernetes.io/') || name.startsWith('requests.')) return false;
  return qualifiedNameErrors(`requests.${name}`).length === 0;
}
