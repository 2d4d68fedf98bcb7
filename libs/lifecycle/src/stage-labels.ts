import { PERMISSION_PREFIX, permissionLabel, STAGE_LABELS, type StageLabel, setOwn, stageLabel } from '@kuperator/api';
import type { Labels } from './label-changes.ts';

/** The lifecycle labels of one Pod, by operation id: `get(id, 'operate')` in place of string handling. Changes in place. */
export class StageLabels {
  private readonly byId = new Map<string, Map<StageLabel, string>>();
  private readonly permissions = new Map<string, string>();
  private readonly others: Record<string, string> = {};

  constructor(labels: Labels) {
    for (const [key, value] of Object.entries(labels)) {
      const parsed = parse(key);
      if (parsed) this.set(parsed.id, parsed.stage, value);
      else if (key.startsWith(PERMISSION_PREFIX)) this.permissions.set(key.slice(PERMISSION_PREFIX.length), value);
      else setOwn(this.others, key, value);
    }
  }

  /** Every id with any of the twelve labels, in name order so that no result hangs on the order of a map (T12). */
  ids(): string[] {
    return [...this.byId.keys()].sort();
  }

  /** Ids that take part in the lifecycle: the other nine labels alone make no operation. */
  liveIds(): string[] {
    return this.ids().filter((id) => this.isLive(id));
  }

  isLive(id: string): boolean {
    return this.has(id, 'operating') || this.has(id, 'operate') || this.has(id, 'operated');
  }

  has(id: string, stage: StageLabel): boolean {
    return this.byId.get(id)?.has(stage) ?? false;
  }

  get(id: string, stage: StageLabel): string | undefined {
    return this.byId.get(id)?.get(stage);
  }

  set(id: string, stage: StageLabel, value: string): void {
    let stages = this.byId.get(id);
    if (!stages) {
      stages = new Map();
      this.byId.set(id, stages);
    }
    stages.set(stage, value);
  }

  /** Sets `stage` unless it is there: the first time is the one that counts. */
  ensure(id: string, stage: StageLabel, value: string): void {
    if (!this.has(id, stage)) this.set(id, stage, value);
  }

  drop(id: string, ...stages: readonly StageLabel[]): void {
    const found = this.byId.get(id);
    if (!found) return;
    for (const stage of stages) found.delete(stage);
    if (found.size === 0) this.byId.delete(id);
  }

  /** Removes all twelve labels of `id` (T14). */
  dropAll(id: string): void {
    this.byId.delete(id);
  }

  stagesOf(id: string): readonly StageLabel[] {
    return [...(this.byId.get(id)?.keys() ?? [])];
  }

  permittedTypes(): readonly string[] {
    return [...this.permissions.keys()];
  }

  isTypePermitted(type: string): boolean {
    return this.permissions.has(type);
  }

  permitType(type: string, value: string): void {
    if (!this.permissions.has(type)) this.permissions.set(type, value);
  }

  revokeType(type: string): void {
    this.permissions.delete(type);
  }

  hasOther(key: string): boolean {
    return Object.hasOwn(this.others, key);
  }

  setOther(key: string, value: string): void {
    setOwn(this.others, key, value);
  }

  dropOther(key: string): void {
    delete this.others[key];
  }

  toLabels(): Record<string, string> {
    const labels = { ...this.others };
    for (const [id, stages] of this.byId)
      for (const [stage, value] of stages) setOwn(labels, stageLabel(stage, id), value);
    for (const [type, value] of this.permissions) setOwn(labels, permissionLabel(type), value);
    return labels;
  }
}

const STAGES: ReadonlySet<string> = new Set(STAGE_LABELS);
const DOMAIN = '.podopslifecycle.kusionstack.io/';

function parse(key: string): { id: string; stage: StageLabel } | undefined {
  const at = key.indexOf(DOMAIN);
  if (at < 0) return undefined;
  const stage = key.slice(0, at);
  const id = key.slice(at + DOMAIN.length);
  // `operating.…/` without an id cannot be stored (a label name has at least one character), so it is nobody's.
  return STAGES.has(stage) && id !== '' ? { id, stage: stage as StageLabel } : undefined;
}
