import { Simulation } from './fake/simulator.ts';

/**
 * Random lives of random Pods against a model of the runtime (fake/simulator.ts says which faults, and what must hold in
 * every step). SIM_SEEDS=100000 runs more; SIM_SEED=17 replays one.
 */
const one = process.env.SIM_SEED;
const [from, count] = one === undefined ? [0, Number(process.env.SIM_SEEDS ?? 400)] : [Number(one), 1];

test('the rules hold in random worlds', () => {
  for (let seed = from; seed < from + count; seed++) {
    try {
      new Simulation(seed).run();
    } catch (error) {
      throw new Error(`SIM_SEED=${seed} replays it: ${(error as Error).message}`);
    }
  }
}, 600_000);
