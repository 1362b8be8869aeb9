import type { KnownDifference } from '../differences.ts';
import { byPod, differences, normalize } from './normalize.ts';
import type { Sample } from './sample.ts';

/** One kind of difference, in all Pods that show it. */
export interface Finding {
  /** `request CALL FIELD`, `status FIELD` or `event TEXT`, numbers of repetitions and lists left out. */
  what: string;
  go: string;
  ts: string;
  pods: string[];
  reason?: string;
}

const none = new Map<string, string>();

function short(value: unknown): string {
  const text = value === undefined ? '(absent)' : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

class Findings {
  private readonly map = new Map<string, Finding>();

  add(pod: string, what: string, go: unknown, ts: unknown): void {
    const key = `${what}\n${short(go)}\n${short(ts)}`;
    const finding = this.map.get(key) ?? { what, go: short(go), ts: short(ts), pods: [] };
    finding.pods.push(pod);
    this.map.set(key, finding);
  }

  get list(): Finding[] {
    return [...this.map.values()].sort((a, b) => b.pods.length - a.pods.length);
  }
}

function compareRequests(findings: Findings, go: Sample, ts: Sample): void {
  const [goPods, tsPods] = [byPod(go.calls), byPod(ts.calls)];
  // Nothing recorded, or nothing understood, would look like perfect agreement.
  for (const [kubelet, pods] of Object.entries({ go: goPods, ts: tsPods })) {
    const started = [...go.statuses.keys()].filter((pod) => pods.has(pod)).length;
    if (started < go.statuses.size)
      throw new Error(`${kubelet}: sandboxes of ${started} of ${go.statuses.size} Pods recorded`);
  }
  for (const pod of new Set([...goPods.keys(), ...tsPods.keys()])) {
    if (!go.statuses.has(pod)) continue; // not of the sample
    const [a, b] = [goPods.get(pod) ?? new Map(), tsPods.get(pod) ?? new Map()];
    for (const call of new Set([...a.keys(), ...b.keys()])) {
      const name = call.replace(/ .*#(\d+)$/, (_match: string, number: string) => (number === '1' ? '' : ' (again)'));
      if (!a.has(call) || !b.has(call)) {
        findings.add(pod, `request ${name}`, a.has(call) ? 'sent' : undefined, b.has(call) ? 'sent' : undefined);
        continue;
      }
      for (const { path, go: left, ts: right } of differences(a.get(call), b.get(call))) {
        findings.add(pod, `request ${name} ${path}`, left, right);
      }
    }
  }
}

function compareStatuses(findings: Findings, go: Sample, ts: Sample): void {
  for (const [pod, status] of go.statuses) {
    const [a, b] = [normalize(status, none), normalize(ts.statuses.get(pod), none)];
    for (const { path, go: left, ts: right } of differences(a, b)) findings.add(pod, `status ${path}`, left, right);
  }
}

function compareEvents(findings: Findings, go: Sample, ts: Sample): void {
  if (go.events.size === 0 || ts.events.size === 0)
    throw new Error('no Event of a kubelet was found: nothing to compare');
  for (const pod of go.statuses.keys()) {
    const texts = (sample: Sample): Set<string> =>
      new Set(
        (sample.events.get(pod) ?? []).map((text) => (normalize(text, none) as string).replace(/[\d.]+m?s\b/g, 'N s')),
      );
    const [a, b] = [texts(go), texts(ts)];
    for (const text of a) if (!b.has(text)) findings.add(pod, `event ${text}`, 'sent', undefined);
    for (const text of b) if (!a.has(text)) findings.add(pod, `event ${text}`, undefined, 'sent');
  }
}

/** Everything in which two samples differ, each with the reason that is known for it. */
export function compare(go: Sample, ts: Sample, known: readonly KnownDifference[]): Finding[] {
  const findings = new Findings();
  compareRequests(findings, go, ts);
  compareStatuses(findings, go, ts);
  compareEvents(findings, go, ts);
  return findings.list.map((finding) => {
    const reason = known.find(({ what }) => what.test(finding.what))?.reason;
    return reason === undefined ? finding : { ...finding, reason };
  });
}
