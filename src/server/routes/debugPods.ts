import { HttpError } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { podExplanation, sendAnswer } from './podExplanation.ts';

/** Why a Pod waits, its timeline and its trace: the explanations of the loopback listener, behind `nodes/proxy`. */
export const debugPods: Route = {
  paths: ['/debug/pods/{rest*}'],
  methods: ['GET'],
  disabled: debuggingDisabled,
  async handle(exchange, host) {
    const asJson = exchange.query.get('output') === 'json' || exchange.request.headers.accept === 'application/json';
    const path = exchange.path.split('/').map(encodeURIComponent).join('/');
    const answer = await podExplanation(path, asJson, host.explanations);
    if (!answer) throw new HttpError(404, '404: Page Not Found');
    await sendAnswer(exchange, answer);
  },
};
