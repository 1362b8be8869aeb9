// For tests: registers hooks of the test framework when it is called.
import { FakeNode, type FakeWorld, fakeWorld } from './fakeNode.ts';

/** What each test of a file begins with. A test that restarts the kubelet puts its next life into `node`. */
export interface Fresh {
  world: FakeWorld;
  node: FakeNode;
}

/** A new world and a started node before each test, taken down after it. `make` where the node is to be another, its clock for instance. */
export function freshNode(make: (world: FakeWorld) => FakeNode = (world) => new FakeNode(world)): Fresh {
  const fresh = {} as Fresh;
  beforeEach(async () => {
    fresh.world = await fakeWorld();
    fresh.node = await make(fresh.world).start();
  });
  afterEach(async () => {
    fresh.node[Symbol.dispose]();
    await fresh.world[Symbol.asyncDispose]();
  });
  return fresh;
}
