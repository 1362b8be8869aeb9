import { isIP } from 'node:net';
import { allowedImages } from '../../k8s/imageReference.ts';

/** Shared marks and checks of the field tables. */
export const supported = { support: 'supported' } as const;

/** A port, or 0 for none. */
export const portOrZero = { min: 0, max: 65535 } as const;

/** A number that may not be negative. */
export const notNegative = { min: 0 } as const;

/** An IPv4 or IPv6 address. */
export function ipAddress(value: string): string | undefined {
  return isIP(value) ? undefined : 'must be an IP address';
}

/** A list of CPUs such as `0-3,8`. */
export function cpuList(value: string): string | undefined {
  if (value === '') return undefined;
  for (const part of value.split(',')) {
    const range = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part);
    if (!range || (range[2] !== undefined && Number(range[2]) < Number(range[1]))) {
      return "must be a list of CPUs such as '0-3,8'";
    }
  }
  return undefined;
}

/** Image names without tag and digest, or paths that end in `/*`. */
export function allowlist(value: readonly string[]): string | undefined {
  for (const pattern of value) {
    const read = allowedImages(pattern);
    if ('error' in read) return `must hold image patterns: ${read.error}`;
  }
  return undefined;
}
