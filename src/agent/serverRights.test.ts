import { parseFlags } from '../config/flags.ts';
import { loadConfiguration } from '../config/load.ts';
import { ConfigurationError } from '../config/problem.ts';
import { refuseUnaskable } from './serverRights.ts';

const start = (...args: string[]) => refuseUnaskable(loadConfiguration(parseFlags(args)));
const authentication = 'no client provided, cannot use webhook authentication';
const authorization = 'no client provided, cannot use webhook authorization';

test('standalone with webhooks does not start, and each sentence says what to set', () => {
  const both = () => start();
  expect(both).toThrow(ConfigurationError);
  expect(both).toThrow(authentication);
  expect(both).toThrow(authorization);
  expect(() => start('--authorization-mode=AlwaysAllow')).toThrow(authentication);
  expect(() => start('--authentication-token-webhook=false')).toThrow(authorization);
});

test.each([
  [['--kubeconfig=/somewhere']],
  [['--enable-server=false']],
  [['--authorization-mode=AlwaysAllow', '--authentication-token-webhook=false']],
])('%j starts', (args) => {
  expect(() => start(...args)).not.toThrow();
});
