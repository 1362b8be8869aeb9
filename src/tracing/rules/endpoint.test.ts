import { endpointProblem, exportTarget } from './endpoint.ts';

test.each([
  ['localhost:4317', 'localhost:4317'],
  ['10.0.0.1:4317', '10.0.0.1:4317'],
  ['[::1]:4317', '[::1]:4317'],
  ['dns:///collector.svc:4317', 'dns:///collector.svc:4317'],
  ['unix:///run/otel.sock', 'unix:/run/otel.sock'],
  ['unix-abstract://otel', 'unix:\0otel'],
])('%s', (endpoint, target) => {
  expect(endpointProblem(endpoint)).toBeUndefined();
  expect(exportTarget(endpoint)).toBe(target);
});

test.each([
  ['http://localhost:4317', /'http:\/\/' is not supported$/],
  ['https://localhost:4317', /'https:\/\/' is not supported$/],
  ['dn%2s://localhost:4317', /^must be host:port, or begin with 'dns:\/\/'/],
])('%s is refused', (endpoint, why) => expect(endpointProblem(endpoint)).toMatch(why));
