// Tests run as CommonJS through swc: TypeScript 7 has no compiler API for ts-jest (docs/dependencies.md).
export default {
  // Node's, in which a file fails that leaves sockets, servers, processes or timers.
  testEnvironment: '<rootDir>/hack/jest/environment.ts',
  roots: ['<rootDir>/src', '<rootDir>/hack', '<rootDir>/e2e/conformance'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.(ts|js)$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'commonjs', ignoreDynamic: true },
      },
    ],
  },
  // For what hangs; what is waited for has a limit of its own, which a busy machine does not shorten (src/lib/fake/until.ts).
  testTimeout: 240_000,
  // One worker a core: the default leaves one of two cores idle.
  maxWorkers: '100%',
};
