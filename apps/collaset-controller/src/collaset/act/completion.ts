import { createHash } from 'node:crypto';
import { type CollaSet, POD_TEMPLATES, type PodTemplate } from '@kuperator/api';
import { ApiError } from '@kuperator/runtime';
import { meaningOf } from '../revision/meaning.ts';
import type { Revision } from '../revision/revision-data.ts';
import type { Deps } from './deps.ts';

/** How the API server completes a revision's Pod template with its defaults. */
type Completion = {
  /** A hash that is equal for templates with the same completion; undefined if the API server does not return it. */
  readonly completed?: string;
  /** The message that names the fields which the API server does not know; undefined if it knows all. */
  readonly unknownFields?: string;
};

/** Answers of the API server, by the meaning of the revision. */
export type Completions = Map<string, Promise<Completion>>;

/** The number of cached answers: for the newest revision, the next one, and one more if the user changes their mind. */
const KEPT = 3;
const STRICT = 'strict decoding error: ';

export type CompletionInput = {
  readonly set: CollaSet;
  readonly revision: Revision;
  /** Earlier answers. The function adds to them. */
  readonly known: Completions;
};

/**
 * Like `askCompletion`, but asks only once for each revision. After a refusal it asks again, because the API server may have been upgraded.
 * @throws errors that say nothing about the template, so that the caller must try again
 */
export async function completionOf(
  client: Deps['client'],
  { set, revision, known }: CompletionInput,
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
 * Creates a PodTemplate with the revision's template in a dry run. Unlike the creation of a Pod, it is not subject to admission and quotas
 * of Pods, so the answer is the template and its defaults.
 */
async function askCompletion(client: Deps['client'], set: CollaSet, revision: Revision): Promise<Completion> {
  try {
    const { template } = await client.create(POD_TEMPLATES, questionFor(set, revision), { dryRun: true, strict: true });
    return { completed: createHash('sha256').update(meaningOf(template, 'PodTemplateSpec')).digest('hex') };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const unknownFields = unknownFieldsOf(error);
    if (unknownFields !== undefined) return { unknownFields };
    // The template is refused for another reason, which the dry run of the Pod reports, or PodTemplates are forbidden or over their quota.
    if ([400, 403, 404, 422].includes(error.status)) return {};
    throw error;
  }
}

/** A PodTemplate that has volumes for the set's claims. */
function questionFor(set: CollaSet, { template, claimTemplates }: Revision): PodTemplate {
  const claimed = new Set(claimTemplates.map(({ metadata }) => metadata.name));
  const volumes = template.spec.volumes?.filter(({ name }) => !claimed.has(name)) ?? [];
  const placeholders = [...claimed].map((name = '') => ({ name, persistentVolumeClaim: { claimName: name } }));
  return {
    metadata: { generateName: 'dry-run-', namespace: set.metadata.namespace ?? '' },
    template: { ...template, spec: { ...template.spec, volumes: [...volumes, ...placeholders] } },
  };
}

/** Why the API server refuses the object in strict mode, with the field paths as in the set; undefined for another error. */
function unknownFieldsOf(error: ApiError): string | undefined {
  const at = error.message.indexOf(STRICT);
  if (error.status !== 400 || at < 0) return undefined;
  return error.message.slice(at + STRICT.length).replaceAll('"template.', '"spec.template.');
}
