/** What a rule says about one condition; its type, generation and time are added by the caller. */
export interface ConditionVerdict {
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

/** True, sometimes with a reason. */
export function yes(reason?: string, message?: string): ConditionVerdict {
  return { status: 'True', ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
}

/** False, and why. */
export function no(reason?: string, message?: string): ConditionVerdict {
  return { status: 'False', ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
}

/** "containers with unknown status: [a b], containers with unready status: [c]"; '' when all lists are empty. */
export function complaint(lists: { unknown?: string[]; unready?: string[]; incomplete?: string[] }): string {
  return Object.entries(lists)
    .filter(([, names]) => names.length > 0)
    .map(([word, names]) => `containers with ${word} status: [${names.join(' ')}]`)
    .join(', ');
}
