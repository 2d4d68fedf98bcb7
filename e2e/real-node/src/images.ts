// Makes images without a registry and without docker: each image is an OCI archive of one static Go program.
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Progress, run } from '@kuperator/cluster';

const programsFolder = join(import.meta.dirname, '..', 'programs');
const mediaType = (kind: string) => `application/vnd.oci.image.${kind}`;

/** A registry that no machine can reach, so that nothing is ever pulled. */
const registry = 'registry.local';
export const pauseImage = `${registry}/pause:1`;
export const imageOf = (tag: string) => `${registry}/served:${tag}`;
/** The tag to which a round of an operation changes. */
export const tagOf = (round: number) => (round % 2 === 0 ? 'v2' : 'v1');
/** The content of `v1` under another name. */
export const retagged = 'v1-again';
/** A tag that no node has. */
export const missing = 'missing';

export type Programs = {
  /** The program that sends requests. */
  load: string;
  /** OCI archives to load on a node. */
  archives: readonly string[];
};

/** Builds the programs into `folder` and makes an archive of each image there. Go's cache makes a second run fast. */
export async function buildImages(folder: string, onProgress: Progress): Promise<Programs> {
  onProgress('building the programs of the Pods');
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  await run('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', `${bin}/`, './...'], {
    cwd: programsFolder,
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly' },
    what: 'building the programs of the Pods',
  });
  const archive = (name: string, image: Omit<Image, 'binary'> & { program: string }) =>
    makeArchive(join(folder, name), { ...image, binary: join(bin, image.program) });
  const archives = [
    await archive('pause', { program: 'pause', version: '1', references: [pauseImage] }),
    await archive('v1', { program: 'served', version: 'v1', references: [imageOf('v1'), imageOf(retagged)] }),
    await archive('v2', { program: 'served', version: 'v2', references: [imageOf('v2')] }),
  ];
  return { load: join(bin, 'load'), archives };
}

type Image = {
  /** Path of the program that the container runs. */
  binary: string;
  /** Content of the file `/version`. */
  version: string;
  references: readonly string[];
};

/** @returns the path of the archive */
async function makeArchive(folder: string, { binary, version, references }: Image): Promise<string> {
  const root = join(folder, 'root');
  await mkdir(join(root, 'tmp'), { recursive: true });
  await cp(binary, join(root, 'program'));
  await writeFile(join(root, 'version'), version);
  const layerFile = join(folder, 'layer.tar');
  await makeTar(root, layerFile);
  const layer = await readFile(layerFile);

  const blobs = join(folder, 'archive', 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const store = async (kind: string, content: Buffer) => {
    const hash = createHash('sha256').update(content).digest('hex');
    await writeFile(join(blobs, hash), content);
    return { mediaType: mediaType(kind), digest: `sha256:${hash}`, size: content.length };
  };
  const layerBlob = await store('layer.v1.tar', layer);
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: ['/program'], Env: ['PATH=/'] },
    rootfs: { type: 'layers', diff_ids: [layerBlob.digest] },
  };
  const configBlob = await store('config.v1+json', json(config));
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaType('manifest.v1+json'),
    config: configBlob,
    layers: [layerBlob],
  };
  const manifestBlob = await store('manifest.v1+json', json(manifest));
  const named = references.map((name) => ({ ...manifestBlob, annotations: { 'io.containerd.image.name': name } }));
  await writeFile(join(folder, 'archive', 'index.json'), json({ schemaVersion: 2, manifests: named }));
  await writeFile(join(folder, 'archive', 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));

  const file = `${folder}.tar`;
  await makeTar(join(folder, 'archive'), file);
  await rm(folder, { recursive: true });
  return file;
}

/** Makes the same bytes from the same content, so that an image has the same digest on every node. */
async function makeTar(folder: string, file: string): Promise<void> {
  const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await run('tar', ['--create', ...reproducible, '--file', file, '--directory', folder, '.'], {
    what: `making ${file}`,
  });
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
