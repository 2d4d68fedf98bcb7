import { createHash } from 'node:crypto';
import { type CollaSet, POD_TEMPLATES, type PodTemplate } from '@kuperator/api';
import { ApiError } from '@kuperator/runtime';
import { meaningOf } from '../revision/meaning.ts';
import type { Revision } from '../revision/revision-data.ts';
import type { Deps } from './deps.ts';

/** What the API server makes of a revision's Pod template. */
export type Completion = {
  /** Equal for templates that it completes to the same; undefined when it does not say. */
  readonly completed?: string;
  /** Fields it does not know, as the message that names them. */
  readonly unknownFields?: string;
};

/** Answers of the API server, by the meaning of what was asked. */
export type Completions = Map<string, Promise<Completion>>;

/** The newest revision and the one to come, and one more for a change of mind. */
const KEPT = 3;
const STRICT = 'strict decoding error: ';

/**
 * As `askCompletion`, asked once for each revision. What was refused is asked about again: the API server may be another by then.
 * @throws whatever says nothing about the template: the try is to be repeated
 */
export async function completionOf(
  client: Deps['client'],
  set: CollaSet,
  revision: Revision,
  known: Completions,
): Promise<Completion> {
  const { meaning } = revision;
  const asked = known.get(meaning) ?? askCompletion(client, set, revision);
  known.delete(meaning);
  known.set(meaning, asked);
  for (const [oldest] of known) if (known.size > KEPT) known.delete(oldest);
  try {
    const completion = await asked;
    if (completion.unknownFields !== undefined) known.delete(meaning);
    return completion;
  } catch (error) {
    known.delete(meaning);
    throw error;
  }
}

/**
 * Has the API server read a revision's template as that of a PodTemplate, in a dry run. Unlike that of a Pod it meets no admission
 * for Pods and no quota of them: what comes back is the template and the defaults.
 */
async function askCompletion(client: Deps['client'], set: CollaSet, revision: Revision): Promise<Completion> {
  try {
    const { template } = await client.create(POD_TEMPLATES, questionFor(set, revision), { dryRun: true, strict: true });
    return { completed: createHash('sha256').update(meaningOf(template, 'PodTemplateSpec')).digest('hex') };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const unknownFields = unknownFieldsOf(error);
    if (unknownFields !== undefined) return { unknownFields };
    // Refused for another reason: the dry run of the Pod tells more. Or we may not ask, or must not by quota.
    if ([400, 403, 404, 422].includes(error.status)) return {};
    throw error;
  }
}

/** A PodTemplate in which the set's claims are there to be mounted. */
function questionFor(set: CollaSet, { template, claimTemplates }: Revision): PodTemplate {
  const claimed = new Set(claimTemplates.map(({ metadata }) => metadata.name));
  const volumes = template.spec.volumes?.filter(({ name }) => !claimed.has(name)) ?? [];
  const placeholders = [...claimed].map((name = '') => ({ name, persistentVolumeClaim: { claimName: name } }));
  return {
    metadata: { generateName: 'dry-run-', namespace: set.metadata.namespace ?? '' },
    template: { ...template, spec: { ...template.spec, volumes: [...volumes, ...placeholders] } },
  };
}

/** Why a strict API server refuses to read the object, with the fields' paths as in the set; undefined when it read it. */
function unknownFieldsOf(error: ApiError): string | undefined {
  const at = error.message.indexOf(STRICT);
  if (error.status !== 400 || at < 0) return undefined;
  return error.message.slice(at + STRICT.length).replaceAll('"template.', '"spec.template.');
}
