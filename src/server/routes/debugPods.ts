import { HttpError } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { podExplanation, sendAnswer } from './podExplanation.ts';

/** Why a Pod waits, its timeline and its trace, and what the node is short of: the explanations of the socket, behind `nodes/proxy`. */
export const debugPods: Route = {
  paths: ['/debug/pods/{rest*}', '/debug/node/why'],
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
