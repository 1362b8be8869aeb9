import type { Clock } from '../../lib/clock.ts';
import type { Attempt } from '../rules/attempt.ts';
import type { ProbeHandler } from './handler.ts';
import { get, getRequest } from './httpGet.ts';

/** httpGet: 200–399 is healthy. A last answer in the 300s (a redirect that is not followed) counts as success with a warning. */
export function httpHandler(clock: Clock): ProbeHandler<'httpGet'> {
  return async (action, context) => {
    const request = getRequest(action, context.container, context.podIP, 'probe');
    if ('problem' in request) return { result: 'unknown', error: request.problem };
    const answer = await get(request, context.timeoutMs, clock, context.signal);
    if ('problem' in answer) {
      // As in Go: what goes wrong before the headers is the container's failure, a body that breaks off is the probe's error.
      if (answer.during === 'headers') return { result: 'failure', output: answer.problem };
      return { result: 'failure', error: answer.problem };
    }
    return judge(answer.status, answer.body);
  };
}

function judge(status: number, body: string): Attempt {
  if (status >= 300 && status < 400) {
    return { result: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
  }
  if (status >= 200 && status < 300) return { result: 'success', output: body };
  // The body stays out: it would show in events (kubernetes#99425).
  return { result: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
}
