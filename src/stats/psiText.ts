import type { Psi, PsiData } from './shapes.ts';

/** A pressure file of the kernel (PSI); undefined without one. The kernel counts microseconds, the API nanoseconds. */
export function psiOfText(text: string): Psi | undefined {
  const data = (kind: string): PsiData | undefined => {
    const m = new RegExp(`^${kind} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) total=(\\d+)`, 'm').exec(text);
    return m
      ? { total: Number(m[4]) * 1000, avg10: Number(m[1]), avg60: Number(m[2]), avg300: Number(m[3]) }
      : undefined;
  };
  const [full, some] = [data('full'), data('some')];
  return full && some && { full, some };
}
