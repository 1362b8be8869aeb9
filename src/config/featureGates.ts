import { nearest } from '../lib/nearest.ts';
import { GATE_DEPENDENCIES, GATE_GROUPS, type GateName } from './featureGateTable.ts';
import { UNREAD_GATES } from './gateEffects.ts';

/** How mature a feature is. */
export type GateStage = 'alpha' | 'beta' | 'ga' | 'deprecated';

/** One feature gate of kubelet 1.36.3. */
export interface FeatureGate {
  readonly name: string;
  readonly stage: GateStage;
  readonly default: boolean;
  readonly locked: boolean;
}

/** The gates in force. */
export interface FeatureGates {
  enabled(name: GateName): boolean;
  /** Every known gate with its value, sorted by name. */
  list(): readonly (FeatureGate & { readonly enabled: boolean })[];
}

/** What came of a set of `name → boolean`: the gates in force, and what to say about them. */
export interface GateResult {
  readonly gates: FeatureGates;
  /** Sentences that refuse the start. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const ALL_STAGES: Readonly<Record<string, GateStage>> = { AllAlpha: 'alpha', AllBeta: 'beta' };

const TABLE: ReadonlyMap<string, FeatureGate> = new Map(
  [
    ...Object.entries(ALL_STAGES).map(([name, stage]) => ({ name, stage, default: false, locked: false })),
    ...GATE_GROUPS.flatMap(({ stage, default: on, locked, names }) =>
      names.map((name): FeatureGate => ({ name, stage, default: on, locked })),
    ),
  ]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((gate) => [gate.name, gate]),
);

/** Every feature gate that is known, sorted by name. */
export function knownGates(): readonly FeatureGate[] {
  return [...TABLE.values()];
}

/** Applies the wanted values to the table. Never throws: what must refuse the start is in `errors`. */
export function resolveGates(wanted: Readonly<Record<string, boolean>>): GateResult {
  const errors: string[] = [];
  const warnings: string[] = [];
  const values = new Map<string, boolean>([...TABLE.values()].map((gate) => [gate.name, gate.default]));
  // AllAlpha and AllBeta come first: a gate named by itself wins over them whatever the order.
  setStages(wanted, values, warnings);
  for (const [name, value] of Object.entries(wanted)) {
    if (name in ALL_STAGES) continue;
    const gate = TABLE.get(name);
    if (!gate) {
      const near = nearest(name, TABLE.keys());
      errors.push(`unrecognized feature gate: ${name}${near ? ` (did you mean ${near}?)` : ''}`);
    } else if (gate.locked && gate.default !== value) {
      errors.push(`cannot set feature gate ${name} to ${value}, feature is locked to ${gate.default}`);
    } else {
      values.set(name, value);
      const note = gate.default === value ? undefined : unreadNote(name);
      if (note) warnings.push(`feature gate ${name} is accepted but not acted on: ${note}`);
      if (gate.stage === 'ga' || gate.stage === 'deprecated') {
        const stage = gate.stage === 'ga' ? 'GA' : 'deprecated';
        warnings.push(
          `feature gate ${name} is ${stage} and will be removed in a future release; it was set to ${value}`,
        );
      }
    }
  }
  if (errors.length === 0) errors.push(...brokenDependencies(values));
  return { gates: gatesOf(values), errors, warnings };
}

/** AllAlpha and AllBeta. */
function setStages(wanted: Readonly<Record<string, boolean>>, values: Map<string, boolean>, warnings: string[]): void {
  for (const [name, stage] of Object.entries(ALL_STAGES)) {
    const all = wanted[name];
    if (all === undefined) continue;
    values.set(name, all);
    const set = [...TABLE.values()].filter((gate) => gate.stage === stage && !gate.locked);
    for (const gate of set) values.set(gate.name, all);
    const idle = set.filter((gate) => gate.default !== all && !(gate.name in wanted) && unreadNote(gate.name));
    if (idle.length === 0) continue;
    const names = idle.map((gate) => gate.name).join(', ');
    warnings.push(`feature gate ${name} sets some that are not acted on: ${names}`);
  }
}

/** What is so in place of the gate's choice; undefined for one that is acted on, and for one that is none of the kubelet's. */
function unreadNote(name: string): string | undefined {
  return UNREAD_GATES[name as GateName];
}

function brokenDependencies(values: ReadonlyMap<string, boolean>): string[] {
  return Object.entries(GATE_DEPENDENCIES).flatMap(([name, needs]) => {
    const off = values.get(name) ? needs.filter((need) => !values.get(need)) : [];
    return off.length > 0 ? [`${name} is enabled, but depends on features that are disabled: [${off.join(' ')}]`] : [];
  });
}

function gatesOf(values: ReadonlyMap<string, boolean>): FeatureGates {
  return {
    enabled: (name) => values.get(name) ?? false,
    list: () => [...TABLE.values()].map((gate) => ({ ...gate, enabled: values.get(gate.name) ?? false })),
  };
}
