// Tests run as CommonJS through swc: TypeScript 7 has no compiler API for ts-jest (docs/dependencies.md).
export default {
  testEnvironment: 'node',
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
  testTimeout: 30_000,
  // One worker a core: the default leaves one of two cores idle.
  maxWorkers: '100%',
};
