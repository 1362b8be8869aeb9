// What jest gives to a test file, made of node:test and jest's own expect: jest itself is not in the VM.
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { expect } from 'expect';

Object.assign(globalThis, {
  describe,
  test: it,
  it,
  expect,
  beforeAll: before,
  afterAll: after,
  beforeEach,
  afterEach,
});
