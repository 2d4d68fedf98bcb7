import { type CollaSet, POD_TEMPLATES, type PodTemplateSpec } from '@kuperator/api';
import { ApiError } from '@kuperator/runtime';
import type { Deps } from './deps.ts';
import type { Revision } from './revision-data.ts';

/** What the API server makes of a Pod template. */
export type Completion = {
  /** With its defaults filled in; undefined when it does not say. */
  readonly template?: PodTemplateSpec;
  /** Fields it does not know, as the message that names them. */
  readonly unknownFields?: string;
};

const STRICT = 'strict decoding error: ';

/**
 * Has the API server read a revision's template as that of a PodTemplate, in a dry run. Unlike that of a Pod it meets no admission
 * for Pods and no quota of them: what comes back is the template and the defaults.
 * @throws whatever says nothing about the template: the try is to be repeated
 */
export async function completionOf(client: Deps['client'], set: CollaSet, revision: Revision): Promise<Completion> {
  const { template, claimTemplates } = revision;
  const claimed = new Set(claimTemplates.map(({ metadata }) => metadata.name));
  const volumes = template.spec.volumes?.filter(({ name }) => !claimed.has(name)) ?? [];
  const placeholders = [...claimed].map((name = '') => ({ name, persistentVolumeClaim: { claimName: name } }));
  const object = {
    metadata: { generateName: 'dry-run-', namespace: set.metadata.namespace ?? '' },
    template: { ...template, spec: { ...template.spec, volumes: [...volumes, ...placeholders] } },
  };
  try {
    const completed = (await client.create(POD_TEMPLATES, object, { dryRun: true, strict: true })).template;
    const kept = completed.spec.volumes?.filter(({ name }) => !claimed.has(name)) ?? [];
    return { template: { ...completed, spec: { ...completed.spec, volumes: kept } } };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const unknownFields = unknownFieldsOf(error);
    if (unknownFields !== undefined) return { unknownFields };
    // Refused for another reason: the dry run of the Pod tells more. Or we may not ask, or must not by quota.
    if ([400, 403, 404, 422].includes(error.status)) return {};
    throw error;
  }
}

/** Why a strict API server refuses to read the object, with the fields' paths as in the set; undefined when it read it. */
export function unknownFieldsOf(error: ApiError): string | undefined {
  const at = error.message.indexOf(STRICT);
  if (error.status !== 400 || at < 0) return undefined;
  return error.message.slice(at + STRICT.length).replaceAll('"template.', '"spec.template.');
}
